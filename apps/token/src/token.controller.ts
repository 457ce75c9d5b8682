import { Serve } from '#bus/serve';
import type { Received } from '#contracts/service';
import { token } from '#contracts/token';
import { Authenticate } from './authenticate.js';
import { SigningKeys } from './keys/signing-keys.js';
import { Sign } from './sign.js';
import { VerifyLink } from './verify-link.js';

@Serve(token)
export class TokenController {
  constructor(
    private readonly verifying: VerifyLink,
    private readonly authenticating: Authenticate,
    private readonly signing: Sign,
    private readonly signingKeys: SigningKeys,
  ) {}

  verifyLink(request: Received<typeof token.verifyLink>) {
    return this.verifying.run(request);
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
}
