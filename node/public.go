package node

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/skip2/go-qrcode"

	"github.com/trust-me/trustme/internal/exchange"
	"github.com/trust-me/trustme/node/catalogue"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// public serves what anybody may read: the DID document, achievements, images,
// status lists, invitations, and the DIDComm websocket.
func (n *Node) public() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/did.json", n.serveDID)
	mux.HandleFunc("GET /did.json", n.serveDID)
	mux.Handle("GET /didcomm", n.agent)
	mux.HandleFunc("GET /health", n.serveHealth)
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.metrics(), promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /style.css", n.serveStyle)
	mux.HandleFunc("GET /status/{list}/{purpose}", n.serveStatus)
	mux.HandleFunc("GET /status/revoked", n.serveRevocations)
	mux.HandleFunc("GET /i", n.serveInviteLink)
	mux.HandleFunc("GET /i/{code}", n.serveInvite)
	mux.HandleFunc("GET /agreements", n.serveAgreements)
	mux.HandleFunc("GET /agreements/{id}", n.serveAgreement)
	mux.HandleFunc("GET /endorsements/{id}", n.serveEndorsement)
	mux.HandleFunc("GET /catalogues", func(w http.ResponseWriter, r *http.Request) {
		n.sendJSON(w, r, catalogue.Listed(n.set.Base, n.catalogues()), nil)
	})
	mux.HandleFunc("GET /badges", n.serveHonours)
	mux.HandleFunc("GET /badges/{id}", n.serveHonour)
	mux.HandleFunc("GET /journal/checkpoint", n.serveCheckpoint)
	mux.HandleFunc("GET /checkpoints", n.serveCheckpoints)
	mux.HandleFunc("GET /{$}", n.serveHome)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { n.shelf.Load().routes.ServeHTTP(w, r) })
	return secure(http.StripPrefix(n.root(), mux))
}

// root is the path under which the node is reached, empty at the top of a host.
func (n *Node) root() string {
	_, path, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(n.set.Base, "https://"), "http://"), "/")
	if path == "" {
		return ""
	}
	return "/" + path
}

func secure(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Content-Security-Policy", "default-src 'none'; img-src 'self' data:; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.ServeHTTP(w, r)
	})
}

// send writes a finished body with a strong ETag, and 304 when it is known.
func send(w http.ResponseWriter, r *http.Request, contentType string, maxAge time.Duration, body []byte) {
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	head := w.Header()
	head.Set("ETag", tag)
	head.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(maxAge.Seconds())))
	head.Set("Access-Control-Allow-Origin", "*") // signed or public data, for verifiers in browsers
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	head.Set("Content-Type", contentType)
	head.Set("Content-Length", strconv.Itoa(len(body)))
	if _, err := w.Write(body); err != nil {
		return // the reader has gone
	}
}

func (n *Node) serveDID(w http.ResponseWriter, r *http.Request) {
	if n.id.Method() != "web" {
		n.fail(w, r, http.StatusNotFound, "This node is a did:key: its document follows from its name.")
		return
	}
	raw, err := n.DIDDocument(r.Context())
	if err != nil {
		n.broken(w, r, err)
		return
	}
	send(w, r, "application/did+json", 5*time.Minute, raw)
}

func (n *Node) serveHealth(w http.ResponseWriter, r *http.Request) {
	h := n.Health(r.Context())
	code := http.StatusOK
	if !h.OK {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, h)
}

func (n *Node) serveStyle(w http.ResponseWriter, r *http.Request) {
	css, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		n.broken(w, r, err)
		return
	}
	send(w, r, "text/css; charset=utf-8", time.Hour, css)
}

func (n *Node) serveStatus(w http.ResponseWriter, r *http.Request) {
	list, err := strconv.Atoi(r.PathValue("list"))
	if err != nil {
		n.fail(w, r, http.StatusNotFound, "Status lists are numbered from 1.")
		return
	}
	raw, err := n.StatusList(r.Context(), list, r.PathValue("purpose"))
	if errors.Is(err, ErrNotFound) {
		n.fail(w, r, http.StatusNotFound, "There is no such status list.")
		return
	}
	if err != nil {
		n.broken(w, r, err)
		return
	}
	send(w, r, "application/vc", time.Duration(n.set.StatusTTL), raw)
}

func (n *Node) serveRevocations(w http.ResponseWriter, r *http.Request) {
	raw, err := n.RevocationList()
	if err != nil {
		n.fail(w, r, http.StatusNotFound, "This node publishes no 1EdTechRevocationList: its signed status lists say what is revoked.")
		return
	}
	send(w, r, "application/json", time.Duration(n.set.StatusTTL), raw)
}

func (n *Node) serveInviteLink(w http.ResponseWriter, r *http.Request) {
	inv, err := exchange.ParseInvitation(n.set.Base + "/i?" + r.URL.RawQuery)
	if err != nil {
		n.fail(w, r, http.StatusBadRequest, "This link holds no invitation. Was it cut?")
		return
	}
	n.showInvite(w, r, inv, n.set.Base+"/i?"+r.URL.RawQuery, "")
}

func (n *Node) serveInvite(w http.ResponseWriter, r *http.Request) {
	i, ask, err := n.inviteByCode(r.Context(), r.PathValue("code"))
	if errors.Is(err, ErrNotFound) {
		n.fail(w, r, http.StatusNotFound, "There is no invitation with this code. Check its ten letters and digits.")
		return
	}
	if err != nil {
		n.broken(w, r, err)
		return
	}
	closed := ""
	if p := n.closed(i); p != nil {
		closed = strings.TrimPrefix(p.Error(), exchange.CodeInvitation+": ")
	}
	n.showInvite(w, r, n.invitation(i, ask), n.set.Base+"/i/"+i.Code, closed)
}

func (n *Node) showInvite(w http.ResponseWriter, r *http.Request, inv exchange.Invitation, link, closed string) {
	if wantsJSON(r) {
		m, err := inv.Message()
		if err != nil {
			n.broken(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		writeJSON(w, http.StatusOK, m)
		return
	}
	qr, err := QR(link)
	if err != nil {
		n.broken(w, r, err)
		return
	}
	w.Header().Set("X-Robots-Tag", "noindex")
	n.page(w, r, http.StatusOK, "invite", map[string]any{
		"Title": inv.Label, "Goal": inv.Goal, "Closed": closed, "Until": inv.Expires.Format("2 January 2006, 15:04 MST"),
		"Command": "trustme wallet connect " + link, "QR": template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(qr)),
	})
}

// QR draws text as a QR code, a PNG of 480 pixels.
func QR(text string) ([]byte, error) {
	b, err := qrcode.Encode(text, qrcode.Low, 480)
	if err != nil {
		return nil, fmt.Errorf("drawing the QR code: %w", err)
	}
	return b, nil
}

func (n *Node) serveHome(w http.ResponseWriter, r *http.Request) {
	var views []catalogueView
	for _, c := range n.catalogues() {
		views = append(views, n.view(c, ""))
	}
	held, err := n.Honours(r.Context())
	if err != nil {
		n.broken(w, r, err)
		return
	}
	n.page(w, r, http.StatusOK, "home", map[string]any{"Title": n.set.Name, "Catalogues": views, "Held": held})
}

func (n *Node) serveCatalogue(c *catalogue.Catalogue) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind := r.URL.Query().Get("kind")
		if kind != "" && !slices.Contains(catalogue.Kinds(), kind) {
			n.fail(w, r, http.StatusBadRequest, "There is no such kind of badge. There are: "+strings.Join(catalogue.Kinds(), ", ")+".")
			return
		}
		v := n.view(c, kind)
		w.Header().Set("Vary", "Accept")
		if wantsJSON(r) {
			writeJSON(w, http.StatusOK, v)
			return
		}
		n.page(w, r, http.StatusOK, "catalogue", map[string]any{"Title": c.Name, "Catalogue": v})
	}
}

func wantsJSON(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		media, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch media {
		case "text/html":
			return false
		case "application/json", "application/ld+json", "application/vc", "application/didcomm-plain+json":
			return true
		}
	}
	return false
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return // the reader has gone
	}
}

func (n *Node) page(w http.ResponseWriter, r *http.Request, code int, name string, data map[string]any) {
	data["Node"] = map[string]string{"Name": n.set.Name, "DID": n.id.String()}
	data["Root"] = n.root()
	for _, k := range []string{"Description", "Image"} {
		if data[k] == nil {
			data[k] = ""
		}
	}
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		n.broken(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	if _, err := w.Write(b.Bytes()); err != nil {
		return // the reader has gone
	}
}

func (n *Node) fail(w http.ResponseWriter, r *http.Request, code int, message string) {
	if wantsJSON(r) {
		writeJSON(w, code, map[string]string{"error": message})
		return
	}
	n.page(w, r, code, "error", map[string]any{"Title": http.StatusText(code), "Message": message})
}

// broken answers for a fault of ours: the reader learns that it is one, the
// log learns which.
func (n *Node) broken(w http.ResponseWriter, r *http.Request, err error) {
	n.log.Error("request failed", "path", r.URL.Path, "err", err)
	http.Error(w, "This node has a problem of its own; its operator can read the cause in the log.", http.StatusInternalServerError)
}
