/** Clocks drift apart by less than 0.5 ms a second (the most NTP corrects); more than that is lateness. */
const drift = 0.001;

/**
 * How far a service's facts have surely been heard, in our own monotonic time. Its beats tell it in the time of its
 * database; what lies between the two clocks is learned from the beat that came fastest. So a beat that was held up on
 * its way (a paused broker, a paused gateway) proves no more than what it is: old.
 */
export class Pulse {
  #between: number | undefined;
  #lastHeard = Number.NEGATIVE_INFINITY;
  #lateSince: number | undefined;
  #provenUpTo = Number.NEGATIVE_INFINITY;
  #everProvenUpTo = Number.NEGATIVE_INFINITY;

  /** @param patienceMs how late a beat may be @param relearnMs how long beats may all be late before a clock must have been set back */
  constructor(
    private readonly patienceMs: number,
    private readonly relearnMs: number,
  ) {}

  /**
   * Takes a beat.
   *
   * @param publishedUpTo milliseconds, by the clock of the service's database
   * @param now milliseconds, monotonic
   */
  hear(publishedUpTo: number, now: number): void {
    const between = now - publishedUpTo;
    const silence = now - this.#lastHeard;
    const known = (this.#between ?? between) + drift * Math.min(silence, this.patienceMs);
    const late = between - known;
    this.#lastHeard = now;
    if (late <= this.patienceMs || silence > this.patienceMs) this.#lateSince = undefined;
    else this.#lateSince ??= now;
    const relearned = this.#lateSince !== undefined && now - this.#lateSince >= this.relearnMs;
    this.#between = relearned ? between : Math.min(known, between);
    // Replicas beat too: one that was held up takes nothing back.
    this.#provenUpTo = Math.max(this.#provenUpTo, publishedUpTo + this.#between);
    this.#everProvenUpTo = Math.max(this.#everProvenUpTo, this.#provenUpTo);
  }

  /** What was heard before proves nothing any more. */
  forget(): void {
    this.#provenUpTo = Number.NEGATIVE_INFINITY;
  }

  /** For whoever looks on: since when there is no proof, forgotten or not, in milliseconds. @param now as below */
  age(now: number): number {
    return Math.max(now - this.#everProvenUpTo, 0);
  }

  /** Whether everything published until a short while ago has been heard. @param now milliseconds, monotonic */
  isFresh(now: number): boolean {
    return now - this.#provenUpTo <= this.patienceMs;
  }
}
