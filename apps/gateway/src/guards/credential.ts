/** The client a credential of ours names in itself (state.md, "Credentials name themselves"); nothing of it is proven. */
export function clientNamedBy(credential: string): string | undefined {
  return /^segue_[a-z]{2,4}_([a-z0-9]{8,36})_/.exec(credential)?.[1];
}
