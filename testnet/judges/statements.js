// node statements.js DIR: verifies every signed document in DIR with Digital
// Bazaar's verifier, JSON-LD in safe mode, and refuses an altered copy of each.
import assert from 'node:assert/strict';
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import * as vc from '@digitalbazaar/vc';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {Count, loader} from './common.js';

const dir = process.argv[2];
const documentLoader = loader();
const suite = new DataIntegrityProof({cryptosuite});
const count = new Count();
const now = new Date('2026-11-27T12:00:00Z');

for(const name of readdirSync(dir)) {
  const text = readFileSync(join(dir, name), 'utf8');
  await count.check(`${name} verifies`, async () => {
    const result = await vc.verifyCredential({credential: JSON.parse(text), suite, documentLoader, now});
    assert.ok(result.verified, JSON.stringify(result.error?.errors?.map(e => e.message) ?? result.error?.message));
  });
  await count.check(`${name} altered is refused`, async () => {
    const credential = JSON.parse(text.replace('Alder', 'Other').replace('"minLevel":2', '"minLevel":1'));
    assert.notDeepEqual(credential, JSON.parse(text), 'nothing was altered');
    const result = await vc.verifyCredential({credential, suite, documentLoader, now});
    assert.equal(result.verified, false);
  });
}
count.end();
