package store

import (
	"encoding/binary"
	"fmt"
)

// partSize is how much of a large value one record holds.
const partSize = 60 << 10

// maxLarge bounds a value in parts; a larger one would not fit a transaction.
const maxLarge = 900 << 10

func partKey(key []byte, i int) []byte {
	return binary.BigEndian.AppendUint16(append([]byte{spacePart}, key...), uint16(i))
}

// PutLarge writes a value of up to 900 KiB under key, in parts where needed,
// and counts as one record. The key is at most [MaxKey]-2 bytes. Only
// [GetLarge] and [DeleteLarge] read and remove it.
func PutLarge(tx *Tx, key, value []byte) error {
	if len(value) > maxLarge {
		return fmt.Errorf("%w: %d bytes under %q (at most %d)", ErrTooLarge, len(value), key, maxLarge)
	}
	before, err := parts(tx, key)
	if err != nil {
		return err
	}
	n := max(1, (len(value)+partSize-1)/partSize)
	for i := range n {
		part := value[i*partSize : min(len(value), (i+1)*partSize)]
		if i == 0 {
			err = tx.Put(key, append(binary.BigEndian.AppendUint16(nil, uint16(n)), part...))
		} else {
			err = tx.put(partKey(key, i), part)
		}
		if err != nil {
			return err
		}
	}
	for i := n; i < before; i++ {
		if err := tx.remove(partKey(key, i)); err != nil {
			return err
		}
	}
	return nil
}

// parts returns in how many records the value under key lies, 0 for none.
func parts(tx *Tx, key []byte) (int, error) {
	head, err := tx.Get(key)
	if err != nil {
		return 0, ignoreMissing(err)
	}
	if len(head) < 2 {
		return 0, fmt.Errorf("%w: %q is no value in parts", ErrCorrupt, key)
	}
	return int(binary.BigEndian.Uint16(head)), nil
}

// GetLarge reads what [PutLarge] wrote.
func GetLarge(tx *Tx, key []byte) ([]byte, error) {
	head, err := tx.Get(key)
	if err != nil {
		return nil, err
	}
	if len(head) < 2 {
		return nil, fmt.Errorf("%w: %q is no value in parts", ErrCorrupt, key)
	}
	out := head[2:]
	for i := 1; i < int(binary.BigEndian.Uint16(head)); i++ {
		part, err := tx.get(partKey(key, i))
		if err != nil {
			return nil, fmt.Errorf("%w: part %d of %q: %v", ErrCorrupt, i, key, err)
		}
		out = append(out, part...)
	}
	return out, nil
}

// DeleteLarge removes what [PutLarge] wrote; a missing value is no error.
func DeleteLarge(tx *Tx, key []byte) error {
	n, err := parts(tx, key)
	if err != nil {
		return err
	}
	for i := 1; i < n; i++ {
		if err := tx.remove(partKey(key, i)); err != nil {
			return err
		}
	}
	return tx.Delete(key)
}

// checkPart says whether a part belongs to a value that is whole.
func checkPart(tx *Tx, rest []byte) error {
	cut := len(rest) - 2
	if cut < 1 {
		return fmt.Errorf("%w: it belongs to nothing", ErrCorrupt)
	}
	n, err := parts(tx, rest[:cut])
	if err != nil {
		return err
	}
	if i := int(binary.BigEndian.Uint16(rest[cut:])); i >= n {
		return fmt.Errorf("%w: it is left over, the value has %d parts", ErrCorrupt, n)
	}
	_, err = GetLarge(tx, rest[:cut])
	return err
}
