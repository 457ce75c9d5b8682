/** Seconds; no token of ours lives longer (`token.sign`, `ttlSeconds`), so what ended is remembered for this long. */
export const longestLife = 366 * 86_400;
