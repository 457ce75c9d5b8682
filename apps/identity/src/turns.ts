import { currentCall } from '#bus/call';
import { Fault } from '#contracts/fault';

/** Lets so many computations run at a time and so many wait; who waits too long is not begun. */
export class Turns {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly atATime: number,
    private readonly mostWaiting: number,
  ) {}

  /** @throws Fault `service.busy` nothing was computed: too many wait, or the caller has given up meanwhile */
  async take<T>(work: () => Promise<T>): Promise<T> {
    await this.begin();
    try {
      refuseLate();
      return await work();
    } finally {
      this.end();
    }
  }

  private async begin(): Promise<void> {
    if (this.running < this.atATime) {
      this.running += 1;
      return;
    }
    if (this.waiting.length >= this.mostWaiting) throw new Fault('service.busy');
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** The turn goes to who waits longest, without being free in between. */
  private end(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.running -= 1;
  }
}

function refuseLate(): void {
  const call = currentCall();
  if (call && call.deadline <= Date.now()) throw new Fault('service.busy');
}
