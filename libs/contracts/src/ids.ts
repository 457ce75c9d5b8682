import { z } from 'zod';

/** Public name of an organisation registered here; the isolation boundary. */
export const clientId = z.string().regex(/^[a-z0-9]{8,36}$/);
/** Ours, a UUIDv7, never changes. */
export const userId = z.uuid();
export const sessionId = z.uuid();
/** A UUID that names one request of the outside world end to end. */
export const jti = z.uuid();

const publicId = z.string().regex(/^[0-9A-Za-z]{12}$/);
export const secretId = publicId;
export const keyId = publicId;

/** ISO 8601, UTC. */
export const instant = z.string();
/** Seconds since 1970 (NumericDate, RFC 7519 section 2). */
export const numericDate = z.int();

/**
 * A string of 1 to `most` code points, well-formed and without control characters: Postgres would refuse the one and
 * silently merge the other (two users would collide).
 */
export function isText(value: unknown, most: number): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > most * 2) return false;
  if (value.length > most && [...value].length > most) return false;
  return value.isWellFormed() && !/\p{Cc}/u.test(value);
}

/** Text from outside; lengths in code points. */
export const text = (most: number) =>
  z.string().refine((value) => isText(value, most), { error: `1 to ${most} characters, none of control` });

/** The client's own id for a person, compared byte for byte. */
export const externalId = text(128);

/** Short id under which a support person finds the precise reason of a refusal in the audit trail. */
export const supportId = z.string().regex(/^[0-9a-z]{10}$/);

/** The id that every log line and fact of one request bears (W3C Trace Context). */
export const traceId = z.string().regex(/^[0-9a-f]{32}$/);

/** Who is knocking, for facts and flood control; never the address itself. */
export const attempt = z.strictObject({
  support: supportId,
  /** Keyed hash of the network address. */
  address: z.string().max(32),
});
export type Attempt = z.infer<typeof attempt>;

/** One page of a list; the cursor is opaque. */
export const page = z.strictObject({
  limit: z.int().min(1).max(200).default(50),
  cursor: z.string().max(256).optional(),
});
