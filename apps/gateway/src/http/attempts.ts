import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Attempt } from '#contracts/ids';
import type { RandomBytes } from '#secrets/random';
import { Addresses } from './address.js';

/** Who is knocking, each time under a new support id. */
@Injectable()
export class Attempts {
  constructor(private readonly addresses: Addresses) {}

  of(request: FastifyRequest): Attempt {
    return { support: newSupportId(), address: this.addresses.hash(request) };
  }
}

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';
/** 7 × 36: bytes above would make some characters likelier than others. */
const fair = 252;

/** Ten characters a person can read out on the phone; under them the audit trail names the precise reason. */
export function newSupportId(random: RandomBytes = randomBytes): string {
  let id = '';
  while (id.length < 10) {
    for (const byte of random(12)) if (byte < fair && id.length < 10) id += alphabet[byte % 36];
  }
  return id;
}
