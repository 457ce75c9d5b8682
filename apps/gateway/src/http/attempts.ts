import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Attempt } from '#contracts/ids';
import { bytesForIds, type RandomBytes } from '#secrets/random';
import { Addresses } from './address.js';

/** Who is knocking, each time under a new support id. */
@Injectable()
export class Attempts {
  constructor(private readonly addresses: Addresses) {}

  of(request: FastifyRequest): Attempt {
    return { support: newSupportId(), address: this.addresses.hash(request) };
  }
}

const characters = Buffer.from('0123456789abcdefghijklmnopqrstuvwxyz');
/** 7 × 36: bytes above would make some characters likelier than others. */
const fair = 252;
const length = 10;
/** Room to write one in, which nothing else does meanwhile. */
const text = Buffer.alloc(length);

/** Ten characters a person can read out on the phone; under them the audit trail names the precise reason. */
export function newSupportId(random: RandomBytes = bytesForIds): string {
  for (let made = 0; made < length; ) {
    for (const byte of random(length + 2)) {
      if (byte < fair && made < length) text[made++] = characters[byte % characters.length] ?? 0;
    }
  }
  return text.toString('latin1');
}
