import { Serve } from '#bus/serve';
import { Fault } from '#contracts/fault';
import type { Received } from '#contracts/service';
import { token } from '#contracts/token';
import { Authenticate } from './authenticate.js';
import { Claim } from './claim.js';
import { SigningKeys } from './keys/signing-keys.js';
import { Offer } from './offer.js';
import { Park } from './park.js';
import { Sign } from './sign.js';
import { Snapshot } from './snapshot.js';
import { VerifyLink } from './verify-link.js';

@Serve(token)
export class TokenController {
  constructor(
    private readonly verifying: VerifyLink,
    private readonly parking: Park,
    private readonly offering: Offer,
    private readonly claiming: Claim,
    private readonly authenticating: Authenticate,
    private readonly signing: Sign,
    private readonly signingKeys: SigningKeys,
    private readonly revocations: Snapshot,
  ) {}

  verifyLink(request: Received<typeof token.verifyLink>) {
    return this.verifying.run(request);
  }
  park(request: Received<typeof token.park>) {
    return this.parking.run(request);
  }
  async offer(request: Received<typeof token.offer>) {
    if (request.purpose === 'custom-token') throw new Fault('service.unavailable');
    return this.offering.run(request);
  }
  async claim(request: Received<typeof token.claim>) {
    if (request.purpose === 'custom-token') throw new Fault('service.unavailable');
    return this.claiming.run(request);
  }
  async unlock() {
    return null;
  }
  authenticate(request: Received<typeof token.authenticate>) {
    return this.authenticating.run(request);
  }
  sign(request: Received<typeof token.sign>) {
    return this.signing.run(request);
  }
  async keys() {
    return this.signingKeys.jwks();
  }
  snapshot(request: Received<typeof token.snapshot>) {
    return this.revocations.run(request);
  }
}
