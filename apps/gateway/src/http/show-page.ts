import type { FastifyReply } from 'fastify';
import { type PageManners, pagePolicy } from './headers.js';

/** Answers with a page whose forms lead further than to us, or that others may frame. */
export function showPage(reply: FastifyReply, page: string, manners: PageManners): void {
  reply.code(200).header('content-security-policy', pagePolicy(manners)).type('text/html; charset=utf-8');
  // The older field cannot name anybody, so it would forbid what the policy allows.
  if (manners.framedBy && manners.framedBy.length > 0) reply.removeHeader('x-frame-options');
  reply.send(page);
}
