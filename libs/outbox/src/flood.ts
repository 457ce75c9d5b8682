const windowMs = 60_000;

/** Counts what comes from an address within a minute (state.md, "Facts"). */
export class Flood {
  private windowStart = 0;
  private seen = new Map<string, number>();

  /**
   * @param most a minute and address that are still written singly
   * @param addresses how many are told apart; beyond that a new one counts as flooding
   */
  constructor(
    private readonly most: number,
    private readonly addresses: number,
  ) {}

  /**
   * Counts one more, and says whether it is beyond the limit.
   *
   * @param nowMs milliseconds, never going back
   */
  exceeds(address: string, nowMs: number): boolean {
    if (nowMs - this.windowStart >= windowMs) {
      this.windowStart = nowMs;
      this.seen = new Map();
    }
    const count = this.seen.get(address) ?? 0;
    if (count === 0 && this.seen.size >= this.addresses) return true;
    this.seen.set(address, count + 1);
    return count >= this.most;
  }
}
