import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A merge is found by either of its users. */
export class MergedUsers1764700000000 implements MigrationInterface {
  readonly name = 'MergedUsers1764700000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const side of ['from', 'into']) {
      await runner.query(
        `CREATE INDEX entries_merged_${side} ON entries ((body ->> '${side}'), seq) WHERE type = 'user.merged'`,
      );
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX entries_merged_from, entries_merged_into');
  }
}
