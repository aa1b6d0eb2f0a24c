package node

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/trust-me/trustme/internal/application"
	"github.com/trust-me/trustme/internal/didcomm"
	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/internal/store"
)

// A file comes in pieces. Each piece is asked for, stored with the mark that
// its message was acted on, and answered by asking for the next: so after a
// crash on either side it goes on where it was.

// upload is how much of a file is here.
type upload struct {
	ID          string `json:"id"` // application and digest
	Application string `json:"application"`
	Have        int64  `json:"have"`
}

var uploads = store.NewCollection("upload", func(u upload) string { return u.ID },
	store.Index[upload]{Name: "application", Values: func(u upload) []string { return []string{u.Application} }})

func uploadID(id, digest string) string { return id + " " + digest }

func pieceKey(upload string, offset int64) []byte {
	return binary.BigEndian.AppendUint64([]byte("piece/"+upload+"/"), uint64(offset))
}

// need asks the learner for the piece of a file at an offset.
func (n *Node) need(tx *store.Tx, c exchange.Connection, a application.Application, f application.Evidence, offset int64) error {
	id := fmt.Sprintf("need-%s-%.16s-%d", a.Via, f.Digest, offset)
	if offset == 0 {
		if err := uploads.Put(tx, upload{ID: uploadID(a.ID, f.Digest), Application: a.ID}); err != nil {
			return err
		}
	}
	return n.sendDocument(tx, c, application.TypeNeed, id, a.ID, application.Piece{Digest: f.Digest, Offset: offset})
}

// onChunk takes in a piece of a file. With the last piece of the last file the
// submission counts.
func (n *Node) onChunk(ctx context.Context, in exchange.Inbound) (didcomm.Outcome, error) {
	p, _, err := application.ReadPiece(in.Message)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	raw, err := application.Attached(in.Message, application.FormatBytes)
	if err != nil {
		return didcomm.Outcome{}, err
	}
	id := in.Message.Thread()
	var a application.Application
	var u upload
	err = n.db.View(ctx, func(tx *store.Tx) (err error) {
		if a, err = getApplication(tx, id); err == nil {
			u, err = uploads.Get(tx, uploadID(id, p.Digest))
		}
		return err
	})
	nothing := didcomm.Outcome{Apply: func(*store.Tx) error { return nil }}
	switch {
	case errors.Is(err, store.ErrNotFound): // withdrawn meanwhile, or never asked for
		return nothing, nil
	case err != nil:
		return didcomm.Outcome{}, err
	case a.Applicant.Connection != in.Connection.ID:
		return didcomm.Outcome{}, &didcomm.Problem{Code: exchange.CodeState, Comment: "there is no such application between us"}
	}
	at := slices.IndexFunc(a.Missing(), func(e application.Evidence) bool { return e.Digest == p.Digest })
	if at < 0 || u.Have != p.Offset {
		return nothing, nil
	}
	f := a.Missing()[at]
	if int64(len(raw)) != min(application.ChunkSize, f.Size-p.Offset) {
		return didcomm.Outcome{}, &didcomm.Problem{Code: exchange.CodeMessage, Comment: fmt.Sprintf("a piece of %d bytes at %d is not what was asked for", len(raw), p.Offset)}
	}
	if p.Offset+int64(len(raw)) < f.Size {
		return n.applied(in, func(tx *store.Tx) error { return n.pieceCame(tx, in, id, f, p.Offset, raw) }), nil
	}
	bad, err := n.complete(ctx, u, f, raw)
	if err != nil {
		return didcomm.Outcome{}, fmt.Errorf("keeping a file of the evidence: %w", err)
	}
	return n.applied(in, func(tx *store.Tx) error { return n.fileCame(tx, in, id, f, bad) }), nil
}

func (n *Node) pieceCame(tx *store.Tx, in exchange.Inbound, id string, f application.Evidence, offset int64, raw []byte) error {
	a, u, err := n.uploading(tx, id, f.Digest)
	if err != nil || u.Have != offset {
		return ignoreMissing(err)
	}
	if err := store.PutLarge(tx, pieceKey(u.ID, offset), raw); err != nil {
		return err
	}
	u.Have += int64(len(raw))
	if err := uploads.Put(tx, u); err != nil {
		return err
	}
	return n.need(tx, in.Connection, a, f, u.Have)
}

func (n *Node) uploading(tx *store.Tx, id, digest string) (a application.Application, u upload, err error) {
	if a, err = getApplication(tx, id); err != nil {
		return a, u, err
	}
	if a.Pending == nil {
		return a, u, store.ErrNotFound
	}
	u, err = uploads.Get(tx, uploadID(id, digest))
	return a, u, err
}

// complete holds a file whose last piece came to its digest and its declared
// type, and stores it; bad is why it is refused.
func (n *Node) complete(ctx context.Context, u upload, f application.Evidence, last []byte) (bad error, err error) {
	h := sha256.New()
	err = n.readPieces(ctx, u, last, func(r io.Reader) error {
		whole := io.TeeReader(r, h)
		err := application.CheckMedia(f.Media, whole)
		if _, rest := io.Copy(io.Discard, whole); err == nil {
			err = rest
		}
		return err
	})
	if no, ok := errors.AsType[application.Refusal](err); ok {
		return no, nil
	}
	if err != nil {
		return nil, err
	}
	if hex.EncodeToString(h.Sum(nil)) != f.Digest {
		return application.Refusal("its bytes are not those of the digest that was told; hand it in again"), nil
	}
	err = n.readPieces(ctx, u, last, func(r io.Reader) error {
		_, _, err := n.db.PutBlob(ctx, r)
		return err
	})
	return nil, err
}

// readPieces gives f the whole file.
func (n *Node) readPieces(ctx context.Context, u upload, last []byte, f func(io.Reader) error) error {
	pr, pw := io.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() { pw.CloseWithError(n.writePieces(ctx, pw, u, last)) })
	err := f(pr)
	err = errors.Join(err, pr.Close())
	wg.Wait()
	return err
}

func (n *Node) writePieces(ctx context.Context, w io.Writer, u upload, last []byte) error {
	for offset := int64(0); offset < u.Have; offset += application.ChunkSize {
		var piece []byte
		err := n.db.View(ctx, func(tx *store.Tx) (err error) {
			piece, err = store.GetLarge(tx, pieceKey(u.ID, offset))
			return err
		})
		if err != nil {
			return err
		}
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	_, err := w.Write(last)
	return err
}

// fileCame records a whole file. One that is refused ends the submission.
func (n *Node) fileCame(tx *store.Tx, in exchange.Inbound, id string, f application.Evidence, bad error) error {
	a, u, err := n.uploading(tx, id, f.Digest)
	if err != nil {
		return ignoreMissing(err)
	}
	if bad != nil {
		return n.dropPending(tx, in, a, f, bad)
	}
	if err := n.dropUpload(tx, u); err != nil {
		return err
	}
	a.Stored = append(a.Stored, f.Digest)
	if len(a.Missing()) == 0 {
		return n.submit(tx, a)
	}
	return putApplication(tx, a)
}

func (n *Node) dropPending(tx *store.Tx, in exchange.Inbound, a application.Application, f application.Evidence, bad error) error {
	at := slices.IndexFunc(a.Pending.Evidence, func(e application.Evidence) bool { return e.Digest == f.Digest })
	why := fmt.Sprintf("evidence %d, %s: %v", at+1, f.Name, bad)
	if err := n.dropUploads(tx, a.ID); err != nil {
		return err
	}
	p := application.Progress{Achievement: a.Catalogue + "/" + a.Slug, Name: a.Name, Level: a.Now.Level, Revision: a.Now.Revision, State: a.State, Reason: why, Refused: true}
	gone := a.Drop(a.Reason, n.now().UTC())
	if err := n.sendProgress(tx, in.Connection.ID, a.ID, "refused-"+in.Message.ID, p); err != nil {
		return err
	}
	if gone {
		return deleteApplication(tx, a.ID)
	}
	return putApplication(tx, a)
}

// dropUploads removes what has come of files that are not wanted any more.
func (n *Node) dropUploads(tx *store.Tx, id string) error {
	for u, err := range uploads.By(tx, "application", id) {
		if err != nil {
			return err
		}
		if err := n.dropUpload(tx, u); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) dropUpload(tx *store.Tx, u upload) error {
	for offset := int64(0); offset < u.Have; offset += application.ChunkSize {
		if err := store.DeleteLarge(tx, pieceKey(u.ID, offset)); err != nil {
			return err
		}
	}
	return uploads.Delete(tx, u.ID)
}

// forgetFiles removes files that no application names any more, and none that
// is on its way.
func (n *Node) forgetFiles(ctx context.Context, digests []string) error {
	for _, digest := range digests {
		used, err := n.fileInUse(ctx, digest)
		if err == nil && !used {
			err = n.db.DeleteBlob(digest)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// draftFor is how long the files of an application may be on their way.
const draftFor = 30 * 24 * time.Hour

// dropDrafts ends applications whose files did not come.
func (n *Node) dropDrafts(ctx context.Context) error {
	var old []ApplicationLine
	err := n.Applications(ctx, string(application.Draft), func(l ApplicationLine) error {
		if n.now().Sub(l.Updated) > draftFor {
			old = append(old, l)
		}
		return nil
	})
	for _, l := range old {
		err = errors.Join(err, n.db.Update(ctx, func(tx *store.Tx) error {
			a, err := getApplication(tx, l.ID)
			if err != nil || a.State != application.Draft {
				return ignoreMissing(err)
			}
			if err := n.dropUploads(tx, a.ID); err != nil {
				return err
			}
			if err := deleteApplication(tx, a.ID); err != nil {
				return err
			}
			p := application.Progress{Achievement: a.Catalogue + "/" + a.Slug, Name: a.Name, State: a.State, Refused: true, Reason: "its files did not come within 30 days; apply again with them"}
			return n.sendProgress(tx, a.Applicant.Connection, a.ID, "dropped-"+a.ID, p)
		}))
	}
	return err
}
