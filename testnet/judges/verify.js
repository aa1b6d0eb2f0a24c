// node verify.js DIR: judges every badge that a demo left in DIR, in each form,
// with Digital Bazaar's verifier and status list, against DIR/expect.json.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import * as vc from '@digitalbazaar/vc';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {Count, extract, loader} from './common.js';

const dir = process.argv[2];
const documentLoader = loader(dir);
const suite = new DataIntegrityProof({cryptosuite});
const count = new Count();

for(const [name, {verdict, at}] of Object.entries(JSON.parse(readFileSync(join(dir, 'expect.json'), 'utf8')))) {
  const original = extract(join(dir, 'badges', `${name}.json`));
  for(const form of ['json', 'png', 'svg']) {
    await count.check(`${name}.${form} is ${verdict}`, async () => {
      const text = extract(join(dir, 'badges', `${name}.${form}`));
      assert.equal(text, original, 'the bytes differ from those that were signed');
      const credential = JSON.parse(text);
      const now = new Date(at);
      const result = await vc.verifyCredential({credential, suite, documentLoader, now, checkStatus: options => checkStatus({...options, suite, documentLoader, verifyBitstringStatusListCredential: true})});
      const why = JSON.stringify(result.error?.errors?.map(e => e.message) ?? result.error?.message ?? causes(result));
      switch(verdict) {
        case 'valid':
          assert.ok(result.verified, why);
          assert.deepEqual(bits(result), [false]);
          break;
        case 'revoked': // this library verifies the list and tells the bit; it is the caller who refuses
          assert.ok(result.statusResult?.verified, why);
          assert.deepEqual(bits(result), [true]);
          break;
        case 'expired': assert.equal(result.verified, false); assert.match(why, /validUntil/); break;
        case 'forged': assert.equal(result.verified, false); assert.match(why, /signature|verif/i); break;
        default: assert.fail(`unknown verdict ${verdict}`);
      }
    });
  }
}
count.end();

function causes(result) {
  const found = [];
  for(let e = result.statusResult?.error; e; e = e.cause) { found.push(e.message); }
  return found;
}

function bits(result) {
  return result.statusResult.results.map(r => r.status);
}
