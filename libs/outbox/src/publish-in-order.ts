import type { Fact } from '#contracts/fact';

/** Facts with one of these in common keep their order. */
type Aggregate = Pick<Fact, 'clientId' | 'subject'>;

export interface Published<F> {
  readonly acknowledged: readonly F[];
  /** The first thing that went wrong, if any did. */
  readonly failure?: unknown;
}

/**
 * Publishes facts, at most one unacknowledged of an aggregate at a time: its next goes after the ack, and after a failure
 * none of it goes. Aggregates do not wait for one another.
 *
 * @param facts in the order in which they were written
 * @param mostMs afterwards nothing further is sent, and what is under way counts as not acknowledged
 */
export async function publishInOrder<F extends Aggregate>(
  facts: readonly F[],
  publish: (fact: F) => Promise<void>,
  mostMs: number,
): Promise<Published<F>> {
  const acknowledged: F[] = [];
  const failures: unknown[] = [];
  let open = true;

  const publishAll = async (aggregate: readonly F[]): Promise<void> => {
    try {
      for (const fact of aggregate) {
        if (!open) return;
        await publish(fact);
        if (open) acknowledged.push(fact);
      }
    } catch (error) {
      failures.push(error);
    }
  };

  const aggregates = Map.groupBy(facts, ({ clientId, subject }) => `${clientId} ${subject}`);
  const { promise: timeout, resolve: expire } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    failures.push(new Error(`Not acknowledged within ${mostMs} ms`));
    expire();
  }, mostMs);
  await Promise.race([Promise.all([...aggregates.values()].map(publishAll)), timeout]);
  clearTimeout(timer);
  open = false;
  return failures.length > 0 ? { acknowledged, failure: failures[0] } : { acknowledged };
}
