import { type Fact, type FactType, facts } from '#contracts/fact';

/** From now on only this epoch of a subject and later ones count. */
export interface RaisedEpoch {
  readonly clientId: string;
  /** The userId, `key_<id>`, or `null` for the client itself. */
  readonly subject: string | null;
  readonly least: number;
}

/** What ends sessions of before. Restoring ends nothing: epochs only rise. */
export const raisingFacts = [
  'user.merged',
  'user.suspended',
  'user.password_changed',
  'user.erased',
  'client.suspended',
  'key.deleted',
] as const satisfies readonly FactType[];

/**
 * Members a newer sender has added are passed over.
 *
 * @returns `null` for a fact that raises no epoch
 * @throws ZodError when the fact is not what its contract says
 */
export function raisedBy({ type, clientId, body }: Fact): RaisedEpoch | null {
  switch (type) {
    case 'user.merged': {
      const { from, epoch } = facts[type].strip().parse(body);
      return { clientId, subject: from, least: epoch };
    }
    case 'user.suspended':
    case 'user.password_changed':
    case 'user.erased': {
      const { userId, epoch } = facts[type].strip().parse(body);
      return { clientId, subject: userId, least: epoch };
    }
    case 'client.suspended':
      return { clientId, subject: null, least: facts[type].strip().parse(body).epoch };
    case 'key.deleted': {
      const { keyId, epoch } = facts[type].strip().parse(body);
      return { clientId, subject: `key_${keyId}`, least: epoch };
    }
    default:
      return null;
  }
}
