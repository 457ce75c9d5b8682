/** Silences in a row after which the store counts as gone. */
const tolerated = 3;
const betweenTrialsMs = 500;
/** Longer than a trial can take: connect and command time-out. */
const longestTrialMs = 3500;

/**
 * Sheds load while a store does not answer: without it every request would wait for a time-out of its own. Only
 * silence counts, since whatever fails at once needs no shedding. One request at a time is let through to try.
 */
export class Breaker {
  private silences = 0;
  private closedUntil = 0;

  /** @param nowMs of a monotonic clock, as below */
  admits(nowMs: number): boolean {
    if (!this.isOpen) return true;
    if (nowMs < this.closedUntil) return false;
    this.closedUntil = nowMs + longestTrialMs;
    return true;
  }

  /** Whether load is shed. */
  get isOpen(): boolean {
    return this.silences >= tolerated;
  }

  answered(): void {
    this.silences = 0;
  }

  silent(nowMs: number): void {
    this.silences += 1;
    this.closedUntil = nowMs + betweenTrialsMs;
  }
}
