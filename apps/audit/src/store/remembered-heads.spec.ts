import { expect, it } from '@jest/globals';
import { genesis } from '../domain/chain.js';
import { RememberedHeads } from './remembered-heads.js';

it('remembers the heads that were used last', () => {
  const heads = new RememberedHeads(2);
  const used = (...clients: string[]) => heads.remember(new Map(clients.map((clientId) => [clientId, genesis])));
  used('one', 'two');
  used('one');
  used('three');
  expect(['one', 'two', 'three'].map((clientId) => heads.get(clientId))).toEqual([genesis, undefined, genesis]);
});
