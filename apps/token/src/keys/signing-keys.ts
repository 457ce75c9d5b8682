import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Reply } from '#contracts/service';
import { longestAccessSeconds } from '#contracts/settings';
import type { signingKey } from '#contracts/token';
import { Log } from '#log/log';
import { Outbox } from '#outbox/outbox';
import { Postgres } from '#postgres/postgres';
import { leewaySeconds } from '../domain/link-token.js';
import type { SigningKeyEntity } from '../store/signing-key.entity.js';
import { type SigningKeyRow, SigningKeyStore } from '../store/signing-key.store.js';
import { Vault } from '../vault.js';
import { newSigningKey, type PublicJwk, publicJwk, SigningKey, signingKeyPlace } from './signing-key.js';

type View = Reply<typeof signingKey.rotate>;

const reloadMs = 2000;

/**
 * The signing keys: `next` is published and does not sign yet, `current` signs, `retired` ones only verify. Every
 * replica reads them again every two seconds, so a rotation needs no message; until then the old key signs on, which
 * still verifies.
 */
@Injectable()
export class SigningKeys implements OnModuleInit, OnModuleDestroy {
  private signer: SigningKey | undefined;
  private published: readonly PublicJwk[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly postgres: Postgres,
    private readonly outbox: Outbox,
    private readonly store: SigningKeyStore,
    private readonly vault: Vault,
    private readonly log: Log,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.store.ensureFirst(() => this.make());
    await this.reload();
    this.timer = setInterval(() => void this.tryReload(), reloadMs).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** The key that signs now. */
  current(): SigningKey {
    if (!this.signer) throw new Error('no signing key is loaded');
    return this.signer;
  }

  /** The key set as it is published (RFC 7517). */
  jwks(): { keys: PublicJwk[] } {
    return { keys: [...this.published] };
  }

  async list(): Promise<{ items: View[] }> {
    const keys = await this.store.list();
    return { items: keys.map(view) };
  }

  async rotate(): Promise<View> {
    const next = this.make();
    const rotated = await this.postgres.transaction(async (tx) => {
      // a retired key verifies for as long as what it signed may live (S-54)
      const rotation = await this.store.rotate(tx, next, longestAccessSeconds + leewaySeconds);
      const { retired: kid, current } = rotation;
      const about = { clientId: '_', subject: `signing_key/${kid}` };
      await this.outbox.write(tx, [{ ...about, type: 'signing_key.rotated', body: { kid, successor: current.kid } }]);
      return current;
    });
    this.outbox.kick();
    await this.reload();
    return view(rotated);
  }

  private make(): Pick<SigningKeyEntity, 'kid' | 'sealed' | 'x'> {
    const { kid, x, privateKey } = newSigningKey();
    return { kid, x, sealed: this.vault.seal(privateKey, signingKeyPlace(kid)) };
  }

  private async reload(): Promise<void> {
    const keys = await this.store.list();
    this.published = keys.map(({ kid, x }) => publicJwk(kid, x));
    const signs = keys.find((key) => key.signs);
    if (signs && signs.kid !== this.signer?.kid) this.signer = this.open(signs);
  }

  private open({ kid, sealed }: SigningKeyRow): SigningKey {
    if (sealed === null) throw new Error(`signing key ${kid} is to sign but its private key was forgotten`);
    return new SigningKey(kid, this.vault.open(sealed, signingKeyPlace(kid)));
  }

  /** Without Postgres the keys at hand go on signing. */
  private async tryReload(): Promise<void> {
    try {
      await this.reload();
    } catch (error) {
      this.log.warn('the signing keys could not be read again', { err: error });
    }
  }
}

function view({ kid, state, createdAt, activatedAt, verifiesUntil }: SigningKeyEntity): View {
  return {
    kid,
    state,
    createdAt: createdAt.toISOString(),
    activatedAt: activatedAt?.toISOString() ?? null,
    verifiesUntil: verifiesUntil?.toISOString() ?? null,
  };
}
