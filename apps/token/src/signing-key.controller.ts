import { Serve } from '#bus/serve';
import { signingKey } from '#contracts/token';
import { SigningKeys } from './keys/signing-keys.js';

@Serve(signingKey)
export class SigningKeyController {
  constructor(private readonly keys: SigningKeys) {}

  list() {
    return this.keys.list();
  }
  rotate() {
    return this.keys.rotate();
  }
}
