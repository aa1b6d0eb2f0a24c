package main

import (
	"bytes"
	"encoding/base64"
	"html"
	"image"
	_ "image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/testnet"
)

// readQR reads a QR code as a camera would, with somebody else's reader.
func readQR(t *testing.T, png []byte) string {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(png))
	if err != nil {
		t.Fatal(err)
	}
	bits, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	r, err := qrcode.NewQRCodeReader().Decode(bits, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.GetText()
}

var inPage = regexp.MustCompile(`src="data:image/png;base64,([^"]+)"`)

// shown returns the QR code in the page of a link.
func shown(t *testing.T, link string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	m := inPage.FindSubmatch(page)
	if m == nil {
		t.Fatalf("%s: no QR code in the page (%s)", link, resp.Status)
	}
	png, err := base64.StdEncoding.DecodeString(html.UnescapeString(string(m[1])))
	if err != nil {
		t.Fatal(err)
	}
	return png
}

func TestAQRCodeReadsAsTheLinkThatItStandsFor(t *testing.T) {
	n, err := testnet.Start(t.Context(), testnet.Config{Dir: filepath.Join(t.TempDir(), "net"), Binary: self(t), Nodes: []string{"alder"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	file := filepath.Join(t.TempDir(), "q.png")
	for _, verb := range []string{"invite", "ask"} {
		r := n.Node("alder").Run(t.Context(), verb, "--qr", file, "--force")
		link := strings.TrimSpace(r.Out)
		if r.Code != 0 || !strings.HasPrefix(link, n.Node("alder").Base+"/i/") {
			t.Fatalf("%+v", r)
		}
		png, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := readQR(t, png); got != link {
			t.Errorf("%s: the file reads %q, the link is %q", verb, got, link)
		}
		if got := readQR(t, shown(t, link)); got != link {
			t.Errorf("%s: the page's reads %q, the link is %q", verb, got, link)
		}
	}
	var l node.InviteLink // whose whole form has hundreds of letters
	if err := n.Node("alder").Must(t.Context(), &l, "invite", "--label", "Ana"); err != nil {
		t.Fatal(err)
	}
	if got := readQR(t, shown(t, l.URL)); len(l.URL) < 300 || got != l.URL {
		t.Errorf("the page of the whole invitation reads %q, it is %q", got, l.URL)
	}
}
