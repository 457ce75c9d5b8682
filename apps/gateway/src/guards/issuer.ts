/** Where the gateway is reached: the issuer of every token, and the origin of its own pages. */
export class Issuer {
  constructor(readonly url: string) {}
}
