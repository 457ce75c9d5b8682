/** The client a credential of ours names in itself (state.md, "Credentials name themselves"); nothing of it is proven. */
export function clientNamedBy(credential: string): string | undefined {
  return /^segue_[a-z]{2,4}_([a-z0-9]{8,36})_/.exec(credential)?.[1];
}

/** What tells a refresh token's chain from others, before anything of it is proven; any other text is its own. */
export function chainNamedBy(refreshToken: string): string {
  return /^(segue_rt_[a-z0-9]{8,36}_[0-9A-Za-z]{22})_/.exec(refreshToken)?.[1] ?? refreshToken;
}

/** Whether a text has the form of a refresh token; nothing of it is proven. */
export function isRefreshToken(text: string): boolean {
  return text.startsWith('segue_rt_') && text.length <= 256;
}
