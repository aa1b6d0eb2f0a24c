// node sign.js OUT: writes badges that Digital Bazaar's library signs, for this
// project's verifier to accept.
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import * as vc from '@digitalbazaar/vc';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {loader} from './common.js';

const out = process.argv[2];
mkdirSync(out, {recursive: true});
const key = await Ed25519Multikey.generate();
const {publicKeyMultibase} = await key.export({publicKey: true});
const did = `did:key:${publicKeyMultibase}`;
key.id = `${did}#${publicKeyMultibase}`;
key.controller = did;
const suite = new DataIntegrityProof({signer: key.signer(), cryptosuite});

for(const [name, more] of [['plain', {}], ['until', {validUntil: '2090-01-01T00:00:00Z'}], ['unicode', {description: 'Ärger mit "Zeichen" \\ und \u0007 \u{1f600}'}]]) {
  const credential = {
    '@context': ['https://www.w3.org/ns/credentials/v2', 'https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json'],
    id: `urn:uuid:00000000-0000-4000-8000-${name.length.toString().padStart(12, '0')}`,
    type: ['VerifiableCredential', 'OpenBadgeCredential'], name: 'Foreign badge',
    issuer: {id: did, type: ['Profile'], name: 'Somebody else'}, validFrom: '2024-01-01T00:00:00Z',
    credentialSubject: {
      id: 'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp', type: ['AchievementSubject'],
      achievement: {id: 'urn:uuid:9f0c0000-0000-4000-8000-000000000000', type: ['Achievement'], name: 'Foreign badge', description: 'Made elsewhere.', criteria: {narrative: 'Done.'}}
    },
    ...more
  };
  const signed = await vc.issue({credential, suite, documentLoader: loader()});
  writeFileSync(join(out, `${name}.json`), JSON.stringify(signed, null, 2));
}
console.log('3 written');
