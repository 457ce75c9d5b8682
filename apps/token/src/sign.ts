import { Inject, Injectable } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import type { Received, Reply } from '#contracts/service';
import type { token } from '#contracts/token';
import { KnownClients } from './clients/known-clients.js';
import { issuer } from './issuer.js';
import { SigningKeys } from './keys/signing-keys.js';

/** No kind is accepted where another is due: `typ` tells them apart (RFC 8725 section 3.11, RFC 9068). */
const typ = { access: 'at+jwt', sdk: 'sdk+jwt', media: 'media+jwt' } as const;

/** Signs a JWT with the current key. Writes nothing. */
@Injectable()
export class Sign {
  constructor(
    private readonly clients: KnownClients,
    private readonly keys: SigningKeys,
    @Inject(issuer) private readonly iss: string,
  ) {}

  async run(request: Received<typeof token.sign>): Promise<Reply<typeof token.sign>> {
    const { kind, clientId, subject, externalId, sessionId, epoch, scopes, jti, ttlSeconds } = request;
    const arrived = performance.now();
    const client = (await this.clients.get(clientId)) ?? (await this.clients.newerThan(arrived, clientId));
    if (!client) throw new Fault('client.missing');

    const iat = Math.floor(Date.now() / 1000);
    const key = this.keys.current();
    const signed = key.sign(typ[kind], {
      iss: this.iss,
      aud: client.settings.audience ?? this.iss,
      sub: subject,
      client_id: clientId,
      scope: scopes.join(' '),
      ...(sessionId !== undefined && { sid: sessionId }),
      ...(epoch !== undefined && { epoch }),
      ...(externalId !== undefined && { ext: externalId }),
      iat,
      exp: iat + ttlSeconds,
      jti,
    });
    return { token: signed, expiresIn: ttlSeconds, kid: key.kid };
  }
}
