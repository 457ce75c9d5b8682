import { createSecretKey } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';

/** The least HS256 key (RFC 7518 section 3.2, S-14). */
const leastBytes = 32;

/** A loaded link secret: a typed key object that can do nothing but check HS256 (S-01, S-02). */
export class LinkKey {
  private readonly jwt: JwtService;

  /**
   * @param secret the link secret; its UTF-8 bytes are the key, as in partners' `sign(claims, clientSecret)`
   * @param verifies whether it verified when it was loaded
   * @param verifiesUntil milliseconds since 1970, or `null`
   */
  constructor(
    readonly secretId: string,
    secret: string,
    private readonly verifies: boolean,
    private readonly verifiesUntil: number | null,
  ) {
    const bytes = Buffer.from(secret, 'utf8');
    if (bytes.length < leastBytes) throw new Error(`link secret ${secretId} is too short for HS256`);
    this.jwt = new JwtService({
      secret: createSecretKey(bytes),
      // times are judged by our own rules, with our one leeway
      verifyOptions: { algorithms: ['HS256'], ignoreExpiration: true, ignoreNotBefore: true },
    });
  }

  verifiesAt(nowMs: number): boolean {
    return this.verifies && (this.verifiesUntil === null || nowMs < this.verifiesUntil);
  }

  /** @param token a token whose form is proven */
  signed(token: string): boolean {
    try {
      this.jwt.verify(token);
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === 'JsonWebTokenError') return false;
      throw error;
    }
  }
}
