import { createSecretKey, type KeyObject } from 'node:crypto';
import { base62ToNumber, base62ToUuid, numberToBase62, toBase62, uuidToBase62 } from '#secrets/base62';
import { equalInConstantTime, hmacSha256 } from '#secrets/digest';
import type { KeyRing } from '#secrets/key-ring';

export interface SessionName {
  readonly clientId: string;
  readonly sessionId: string;
}

/** One link of a session's refresh chain. */
export interface RefreshLink extends SessionName {
  readonly generation: number;
}

/*
 * segue_ss_<clientId>_<sessionId>_<keyVersion><mac>
 * segue_rt_<clientId>_<sessionId>_<generation>_<keyVersion><mac>
 *
 * Session 22, generation 6 and MAC 43 characters of base62. The key version is the id of the MAC key, one to eight
 * characters: as the MAC has a fixed width and ends the text, there is one way to read it.
 */
const cookieForm = /^(segue_ss_([a-z0-9]{8,36})_([0-9A-Za-z]{22})_([a-z0-9]{1,8}))([0-9A-Za-z]{43})$/;
const refreshForm = /^(segue_rt_([a-z0-9]{8,36})_([0-9A-Za-z]{22})_([0-9A-Za-z]{6})_([a-z0-9]{1,8}))([0-9A-Za-z]{43})$/;
const generationWidth = 6;

/**
 * The credentials of sessions. They are computed and checked, never stored (S-93): each ends in an HMAC-SHA-256 of the
 * whole text before it, so that kind, client, session, generation and key version are all proven by it.
 */
export class Credentials {
  /** The id of the key that new credentials are made with. */
  readonly currentKey: string;
  /** As Node's own objects: it examines a Buffer anew for each MAC, which costs five times the MAC (16 → 3 µs). */
  readonly #keys: ReadonlyMap<string, KeyObject>;

  constructor(ring: KeyRing) {
    this.currentKey = ring.current.id;
    this.#keys = new Map(ring.all.map(({ id, key }) => [id, createSecretKey(key)]));
  }

  /** @returns a session cookie's value, `segue_ss_…` */
  cookie({ clientId, sessionId }: SessionName): string {
    return this.#seal(`segue_ss_${clientId}_${uuidToBase62(sessionId)}_`, this.currentKey);
  }

  /**
   * @param keyId the key this link of the chain was first made with, so that making it again gives the identical text
   * @returns a refresh token, `segue_rt_…`
   */
  refreshToken({ clientId, sessionId, generation }: RefreshLink, keyId: string): string {
    const link = numberToBase62(generation, generationWidth);
    return this.#seal(`segue_rt_${clientId}_${uuidToBase62(sessionId)}_${link}_`, keyId);
  }

  /** @returns which session a cookie names, or `null` unless we made it */
  readCookie(text: string): SessionName | null {
    const [, signed = '', clientId = '', session = '', keyId = '', mac = ''] = cookieForm.exec(text) ?? [];
    const sessionId = base62ToUuid(session);
    return sessionId && this.#proves(signed, keyId, mac) ? { clientId, sessionId } : null;
  }

  /** @returns which link of which chain a refresh token is, or `null` unless we made it */
  readRefreshToken(text: string): RefreshLink | null {
    const [, signed = '', clientId = '', session = '', link = '', keyId = '', mac = ''] = refreshForm.exec(text) ?? [];
    const sessionId = base62ToUuid(session);
    const generation = base62ToNumber(link);
    if (!sessionId || generation === null || !this.#proves(signed, keyId, mac)) return null;
    return { clientId, sessionId, generation };
  }

  #seal(text: string, keyId: string): string {
    const key = this.#keys.get(keyId);
    if (!key) throw new Error(`REFRESH_MAC_KEYS has no key ${keyId}, which live refresh tokens were made with`);
    const signed = text + keyId;
    return signed + toBase62(hmacSha256(key, signed));
  }

  #proves(signed: string, keyId: string, mac: string): boolean {
    const key = this.#keys.get(keyId);
    return key !== undefined && equalInConstantTime(Buffer.from(toBase62(hmacSha256(key, signed))), Buffer.from(mac));
  }
}
