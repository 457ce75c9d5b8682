import { Inject, Injectable } from '@nestjs/common';
import type { NewFact } from '#contracts/fact';
import { Fault } from '#contracts/fault';
import type { Received, Reply } from '#contracts/service';
import type { token } from '#contracts/token';
import { GroupedFacts } from '#outbox/grouped-facts';
import { KnownClients } from './clients/known-clients.js';
import { issuer } from './issuer.js';
import { SigningKeys } from './keys/signing-keys.js';

type Request = Received<typeof token.sign>;

/** No kind is accepted where another is due: `typ` tells them apart (RFC 8725 section 3.11, RFC 9068). */
const typ = { access: 'at+jwt', sdk: 'sdk+jwt', media: 'media+jwt', account: 'account+jwt' } as const;

/** Signs a JWT with the current key. What is of no session of its own is told before it is answered. */
@Injectable()
export class Sign {
  constructor(
    private readonly clients: KnownClients,
    private readonly keys: SigningKeys,
    private readonly facts: GroupedFacts,
    @Inject(issuer) private readonly iss: string,
  ) {}

  async run(request: Request): Promise<Reply<typeof token.sign>> {
    const { kind, clientId, subject, sessionId, epoch, externalId, scopes, authTime, jti, ttlSeconds } = request;
    const arrived = performance.now();
    const client = (await this.clients.get(clientId)) ?? (await this.clients.newerThan(arrived, clientId));
    if (!client) throw new Fault('client.missing');

    const iat = Math.floor(Date.now() / 1000);
    const exp = iat + ttlSeconds;
    const key = this.keys.current();
    const signed = key.sign(typ[kind], {
      iss: this.iss,
      aud: client.settings.audience ?? this.iss,
      sub: subject,
      client_id: clientId,
      scope: scopes.join(' '),
      // what is undefined is in no JSON
      sid: sessionId,
      epoch,
      ext: externalId,
      auth_time: authTime,
      // what programs of protocol 003 read; a JWT that an API key asked for is of no session
      userId: kind === 'account' ? (externalId ?? '') : undefined,
      sessionId: kind === 'account' ? (sessionId ?? '') : undefined,
      iat,
      exp,
      jti,
    });
    if (kind !== 'access') await this.facts.write(issued(kind, request, exp));
    return { token: signed, expiresIn: ttlSeconds, kid: key.kid };
  }
}

function issued(
  kind: Exclude<Request['kind'], 'access'>,
  { clientId, subject, jti }: Request,
  exp: number,
): NewFact<'token.issued'> {
  const body = { tokenId: jti, kind, subject, expiresAt: new Date(exp * 1000).toISOString() };
  return { type: 'token.issued', clientId, subject: `token/${jti}`, body };
}
