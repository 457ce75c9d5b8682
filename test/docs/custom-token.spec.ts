import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { chancesOfGuessing, guessBudget, mostChance } from '../../apps/token/src/domain/guess-budget.js';

const page = readFileSync(join(import.meta.dirname, '../../../docs/protocols/custom-token.md'), 'utf8');

const brief = (chance: number) => chance.toExponential(1);
const row = (...cells: (string | number)[]) => `| ${cells.join(' | ')} |`;

function between(name: string): string[] {
  const [, text = ''] = new RegExp(`<!-- ${name} -->\n(.*?)<!-- /${name} -->`, 's').exec(page) ?? [];
  return text.trim().split('\n').slice(2);
}

describe('what the page of protocol 003 says about guessing', () => {
  const { token, user, client } = guessBudget;

  it('has the budgets that are counted', () => {
    expect(between('budgets').map((line) => line.replaceAll('|  |', '| |'))).toEqual([
      row('altogether', token.ever, `${user.inARow} in a row`, '').replaceAll('|  |', '| |'),
      row('within an hour', '', user.hour, client.hour).replaceAll('|  |', '| |'),
      row('within a day', '', user.day, client.day).replaceAll('|  |', '| |'),
    ]);
  });

  it('has the chances that follow from them', () => {
    const rows = [5, 6, 8, 10, 15].map((digits) => {
      const chances = chancesOfGuessing(digits);
      const all = [chances.token, chances.user.day, chances.user.year, chances.client.day, chances.client.year];
      return row(digits, brief(chances.secrets), ...all.map(brief));
    });
    expect(between('chances')).toEqual(rows);
  });

  it('has the sums in its text', () => {
    const { user, client } = chancesOfGuessing(6);
    expect(page).toContain(`five guesses would hit with ${brief(chancesOfGuessing(4).token)}`);
    expect(page).toContain(`hit with more than ${mostChance.toExponential(0)}`);
    expect(page).toContain(`a whole year is hit with ${brief(user.year)} at six digits`);
    expect(page).toContain(`with ${brief(client.year)}:\none in ${Math.round(1 / client.year)}`);
    expect(chancesOfGuessing(4).token).toBeGreaterThan(mostChance);
    expect(chancesOfGuessing(5).token).toBeLessThanOrEqual(mostChance);
  });
});
