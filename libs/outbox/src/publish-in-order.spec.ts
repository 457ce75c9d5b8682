import { describe, expect, it } from '@jest/globals';
import { publishInOrder } from './publish-in-order.js';

const fact = (subject: string, n: number, clientId = 'acmeacme') => ({ clientId, subject, n });
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A stream that acknowledges after a turn, and counts what is under way. */
function stream(refuses: (n: number) => boolean = () => false) {
  const sent: number[] = [];
  const underWay = new Map<string, number>();
  let mostOfOne = 0;
  let mostOfAll = 0;
  const publish = async ({ subject, n }: ReturnType<typeof fact>): Promise<void> => {
    sent.push(n);
    underWay.set(subject, (underWay.get(subject) ?? 0) + 1);
    mostOfOne = Math.max(mostOfOne, underWay.get(subject)!);
    mostOfAll = Math.max(
      mostOfAll,
      [...underWay.values()].reduce((sum, count) => sum + count, 0),
    );
    await turn();
    underWay.set(subject, underWay.get(subject)! - 1);
    if (refuses(n)) throw new Error(`refused ${n}`);
  };
  return { publish, sent, mostOfOne: () => mostOfOne, mostOfAll: () => mostOfAll };
}

describe('publishInOrder', () => {
  const facts = [fact('user/a', 1), fact('user/b', 2), fact('user/a', 3), fact('user/c', 4), fact('user/a', 5)];

  it('has one fact of an aggregate under way at a time, and the aggregates side by side', async () => {
    const { publish, sent, mostOfOne, mostOfAll } = stream();
    const { acknowledged, failure } = await publishInOrder(facts, publish, 1000);
    expect(sent).toEqual([1, 2, 4, 3, 5]);
    expect([mostOfOne(), mostOfAll()]).toEqual([1, 3]);
    expect(acknowledged.map(({ n }) => n).toSorted()).toEqual([1, 2, 3, 4, 5]);
    expect(failure).toBeUndefined();
  });

  it('takes the same subject of two clients for two aggregates', async () => {
    const { publish, mostOfAll } = stream();
    await publishInOrder([fact('user/a', 1, 'acmeacme'), fact('user/a', 2, 'otherone')], publish, 1000);
    expect(mostOfAll()).toBe(2);
  });

  it('sends nothing of an aggregate after one of its facts failed, and the others all the same', async () => {
    const { publish, sent } = stream((n) => n === 3);
    const { acknowledged, failure } = await publishInOrder(facts, publish, 1000);
    expect(sent).toEqual([1, 2, 4, 3]);
    expect(acknowledged.map(({ n }) => n).toSorted()).toEqual([1, 2, 4]);
    expect(failure).toEqual(new Error('refused 3'));
  });

  it('ends in time when an ack does not come, and sends nothing afterwards', async () => {
    const sent: number[] = [];
    const acks: (() => void)[] = [];
    const publish = ({ n }: ReturnType<typeof fact>) => {
      sent.push(n);
      return n === 2 ? Promise.resolve() : new Promise<void>((resolve) => acks.push(resolve));
    };
    const { acknowledged, failure } = await publishInOrder(facts, publish, 20);
    expect(acknowledged.map(({ n }) => n)).toEqual([2]);
    expect(failure).toEqual(new Error('Not acknowledged within 20 ms'));
    for (const ack of acks) ack();
    await turn();
    expect(sent).toEqual([1, 2, 4]);
    expect(acknowledged.map(({ n }) => n)).toEqual([2]);
  });
});
