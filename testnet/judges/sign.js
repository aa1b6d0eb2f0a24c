// node sign.js OUT: writes badges that Digital Bazaar's libraries sign, for
// this project's verifier to accept: two cryptosuites, with and without an end,
// over text that canonicalisation must escape, one that has ended since, and
// one signed with a key that its issuer does not list.
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import * as vc from '@digitalbazaar/vc';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {cryptosuite as rdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {createSignCryptosuite} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {didKey, loader} from './common.js';

const out = process.argv[2];
mkdirSync(out, {recursive: true});
const [key, stranger] = [await didKey(), await didKey()];
const jcs = createSignCryptosuite();
const until = {validUntil: '2090-01-01T00:00:00Z'};
const written = [
  ['valid-rdfc', rdfc, key, {}],
  ['valid-rdfc-until', rdfc, key, until],
  ['valid-rdfc-text', rdfc, key, {description: 'Ärger mit "Zeichen" \\ und \u0007 \u{1f600}'}],
  ['valid-jcs', jcs, key, {}],
  ['valid-jcs-until', jcs, key, {...until, description: 'Ärger mit "Zeichen" \\ und \u0007 \u{1f600}'}],
  ['expired-rdfc', rdfc, key, {validUntil: '2024-06-01T00:00:00Z'}],
  ['stranger-rdfc', rdfc, stranger, {}]
];
for(const [i, [name, cryptosuite, signer, more]] of written.entries()) {
  const credential = {
    '@context': ['https://www.w3.org/ns/credentials/v2', 'https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json'],
    id: `urn:uuid:00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    type: ['VerifiableCredential', 'OpenBadgeCredential'], name: 'Foreign badge',
    issuer: {id: key.controller, type: ['Profile'], name: 'Somebody else'}, validFrom: '2024-01-01T00:00:00Z',
    credentialSubject: {
      id: 'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp', type: ['AchievementSubject'],
      achievement: {id: 'urn:uuid:9f0c0000-0000-4000-8000-000000000000', type: ['Achievement'], name: 'Foreign badge', description: 'Made elsewhere.', criteria: {narrative: 'Done.'}}
    },
    ...more
  };
  const suite = new DataIntegrityProof({signer: signer.signer(), cryptosuite});
  const now = new Date('2024-03-01T00:00:00Z'); // it signs nothing that has ended
  const signed = await vc.issue({credential, suite, documentLoader: loader(), now});
  writeFileSync(join(out, `${name}.json`), JSON.stringify(signed, null, 2));
}
console.log(`${written.length} written`);
