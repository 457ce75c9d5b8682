import { Serve } from '#bus/serve';
import type { Received } from '#contracts/service';
import { token } from '#contracts/token';
import { Authenticate } from './authenticate.js';
import { Claim } from './claim.js';
import { ClaimCustomToken } from './claim-custom-token.js';
import { SigningKeys } from './keys/signing-keys.js';
import { Offer } from './offer.js';
import { OfferCustomToken } from './offer-custom-token.js';
import { Park } from './park.js';
import { Sign } from './sign.js';
import { Snapshot } from './snapshot.js';
import { Unlock } from './unlock.js';
import { VerifyLink } from './verify-link.js';

@Serve(token)
export class TokenController {
  constructor(
    private readonly verifying: VerifyLink,
    private readonly parking: Park,
    private readonly offering: Offer,
    private readonly offeringCustom: OfferCustomToken,
    private readonly claiming: Claim,
    private readonly claimingCustom: ClaimCustomToken,
    private readonly unlocking: Unlock,
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
  offer(request: Received<typeof token.offer>) {
    return request.purpose === 'custom-token' ? this.offeringCustom.run(request) : this.offering.run(request);
  }
  claim(request: Received<typeof token.claim>) {
    return request.purpose === 'custom-token' ? this.claimingCustom.run(request) : this.claiming.run(request);
  }
  unlock(request: Received<typeof token.unlock>) {
    return this.unlocking.run(request);
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
