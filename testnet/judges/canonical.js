// node canonical.js FILE: for each line of FILE, {document, signed}, prints a
// line with the canonical N-Quads of the document by jsonld and rdf-canonize,
// and whether the eddsa-jcs-2022 proof of signed holds over the bytes that
// canonicalize makes, by the key in its verification method. What they refuse,
// they say why.
import {createHash, createPublicKey, verify} from 'node:crypto';
import {readFileSync} from 'node:fs';
import canonicalize from 'canonicalize';
import jsonld from 'jsonld';
import {decode} from 'base58-universal';
import {loader} from './common.js';

const documentLoader = loader();
const sha256 = text => createHash('sha256').update(text, 'utf8').digest();

function holds(signed) {
  const {proof, ...document} = signed;
  const {proofValue, ...options} = proof;
  const raw = decode(proof.verificationMethod.split('#')[1].slice(1)).slice(2);
  const key = createPublicKey({key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]), format: 'der', type: 'spki'});
  return verify(null, Buffer.concat([sha256(canonicalize(options)), sha256(canonicalize(document))]), key, decode(proofValue.slice(1)));
}

for(const line of readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean)) {
  const {document, signed} = JSON.parse(line);
  const said = {};
  try {
    said.nquads = await jsonld.canonize(document, {algorithm: 'RDFC-1.0', format: 'application/n-quads', documentLoader, safe: true});
  } catch(e) { said.refused = e.details?.event?.code ?? e.message; }
  try { said.jcs = holds(signed); } catch(e) { said.jcsRefused = e.message; }
  console.log(JSON.stringify(said));
}
