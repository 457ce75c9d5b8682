import type { MigrationInterface, QueryRunner } from 'typeorm';
import { settings } from '#contracts/settings';
import { listedNames } from '../../domain/listed.js';

/** By which hosts and origins a client is found. */
export class Listed1764600100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE clients ADD listed text[] NOT NULL DEFAULT '{}'`);
    const clients: { client_id: string; settings: unknown }[] = await runner.query(
      'SELECT client_id, settings FROM clients',
    );
    for (const client of clients) {
      const listed = listedNames(settings.parse(client.settings));
      await runner.query('UPDATE clients SET listed = $2 WHERE client_id = $1', [client.client_id, listed]);
    }
    // clients change rarely: no list of pending entries that every look-up would have to read
    await runner.query('CREATE INDEX clients_listed ON clients USING gin (listed) WITH (fastupdate = off)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE clients DROP COLUMN listed');
  }
}
