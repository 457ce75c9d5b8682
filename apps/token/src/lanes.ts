/** Lets only so much of a kind run at a time; the rest waits in the order it came. */
export class Lanes {
  private readonly busy = new Map<string, { running: number; readonly waiting: (() => void)[] }>();

  constructor(private readonly abreast: number) {}

  async run<T>(kind: string, work: () => Promise<T>): Promise<T> {
    const lane = this.busy.get(kind) ?? { running: 0, waiting: [] };
    this.busy.set(kind, lane);
    if (lane.running < this.abreast) lane.running += 1;
    else await new Promise<void>((resolve) => lane.waiting.push(resolve));
    try {
      return await work();
    } finally {
      // whoever waits takes the place over
      const next = lane.waiting.shift();
      if (next) next();
      else lane.running -= 1;
      if (lane.running === 0) this.busy.delete(kind);
    }
  }
}
