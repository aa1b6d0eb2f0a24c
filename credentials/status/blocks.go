package status

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/maphash"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"

	"github.com/trust-me/trustme/internal/bounded"
)

// A list is packed in blocks of 4 KB that stand for themselves, so that a list
// in which one bit changed takes the work of one block; the rest is at hand.
// The blocks make one gzip member, which any reader unpacks (RFC 1951 §3.2.4:
// an empty stored block ends each on a byte).

const blockSize = 4 << 10

// block is a packed piece of a list.
type block struct {
	bits   []byte
	packed []byte
	crc    uint32
}

// blocks keeps packed blocks by what they hold: 4 MB, and less than twice that
// packed.
var (
	blocks = bounded.NewMap[uint64, block](1024)
	seed   = maphash.MakeSeed()
)

func packedBlock(bits []byte) (block, error) {
	h := maphash.Bytes(seed, bits)
	if b, ok := blocks.Get(h); ok && bytes.Equal(b.bits, bits) {
		return b, nil
	}
	packed, err := deflate(bits)
	if err != nil {
		return block{}, err
	}
	b := block{bytes.Clone(bits), packed, crc32.ChecksumIEEE(bits)}
	blocks.Put(h, b)
	return b, nil
}

// writers are kept, since each holds hundreds of kilobytes.
var writers = sync.Pool{New: func() any {
	z, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return z
}}

// deflate packs bits into blocks that end on a byte and end no stream.
func deflate(bits []byte) ([]byte, error) {
	var b bytes.Buffer
	z, _ := writers.Get().(*flate.Writer)
	defer writers.Put(z)
	z.Reset(&b)
	if _, err := z.Write(bits); err != nil {
		return nil, fmt.Errorf("packing the status list: %w", err)
	}
	if err := z.Flush(); err != nil {
		return nil, fmt.Errorf("packing the status list: %w", err)
	}
	return b.Bytes(), nil
}

// gzipHeader is RFC 1952 §2.3: deflate, no name, no time, unknown system.
var gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}

// pack returns a list as one gzip member.
func pack(bits []byte) ([]byte, error) {
	out := append(make([]byte, 0, 1024+len(bits)/64), gzipHeader...)
	crc := uint32(0)
	for rest := bits; len(rest) > 0; {
		n := min(blockSize, len(rest))
		b, err := packedBlock(rest[:n])
		if err != nil {
			return nil, err
		}
		out = append(out, b.packed...)
		crc = joinCRC(crc, b.crc, n)
		rest = rest[n:]
	}
	out = append(out, 3, 0) // the last block, empty
	out = binary.LittleEndian.AppendUint32(out, crc)
	return binary.LittleEndian.AppendUint32(out, uint32(len(bits))), nil
}

// matrix is a linear map of 32 bits onto 32 bits.
type matrix [32]uint32

func (m *matrix) times(v uint32) (out uint32) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 != 0 {
			out ^= m[i]
		}
	}
	return out
}

// zeros is what n zero bytes do to a CRC: the map of one bit, squared.
func zeros(n int) *matrix {
	var power, result matrix
	power[0] = crc32.IEEE // one zero bit
	for i := 1; i < 32; i++ {
		power[i] = 1 << (i - 1)
	}
	for i := range result {
		result[i] = 1 << i
	}
	for n *= 8; n > 0; n >>= 1 {
		if n&1 != 0 {
			for i := range result {
				result[i] = power.times(result[i])
			}
		}
		var square matrix
		for i := range square {
			square[i] = power.times(power[i])
		}
		power = square
	}
	return &result
}

var blockOfZeros = zeros(blockSize)

// joinCRC returns the CRC of a text followed by n bytes of the CRC next.
func joinCRC(crc, next uint32, n int) uint32 {
	if n == blockSize {
		return blockOfZeros.times(crc) ^ next
	}
	return zeros(n).times(crc) ^ next
}
