package node

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trust-me/trustme/internal/durable"
	"go.yaml.in/yaml/v3"
)

// ErrConfig says that a setting was refused; the message names it and the fix.
var ErrConfig = errors.New("setting refused")

// Settings are what an operator decides, in the file node.yaml of the data
// directory. Flags win over environment variables, these over the file.
type Settings struct {
	// Name of the organisation, as learners read it.
	Name string `yaml:"name" json:"name"`
	// Base is the public address, such as https://alder.example. Without it
	// the node is reached where it listens, on this machine alone.
	Base string `yaml:"base" json:"base"`
	// Method is how the node identifies itself: web, or key, which cannot
	// rotate. Default web.
	Method string `yaml:"method" json:"method"`
	// Listen is where the public pages and the websocket are served.
	Listen string `yaml:"listen" json:"listen"`
	// Admin is the path of the administration socket.
	Admin string `yaml:"admin" json:"admin"`
	// Catalogues are YAML files, relative to the data directory; the word
	// "openbadges" is the catalogue that ships with the program.
	Catalogues []string `yaml:"catalogues" json:"catalogues"`
	// StatusTTL is how long a verifier may reuse a status list. Default 15m,
	// least 1m.
	StatusTTL Duration `yaml:"status_ttl" json:"status_ttl"`
	// StatusBeat is how often the lists are signed anew, changed or not, so
	// that their dates tell nothing. Default 10s.
	StatusBeat Duration `yaml:"status_beat" json:"status_beat"`
	// Reserve is the free space, in MiB, below which nothing is written.
	// Default 64.
	Reserve int `yaml:"reserve_mib" json:"reserve_mib"`
	// RevocationList also publishes the ids of all revoked badges, unsigned, as a
	// 1EdTechRevocationList, for verifiers that read nothing else. Whoever asks
	// learns which badges they are, which the signed lists hide. Nil is not set.
	RevocationList *bool `yaml:"revocation_list,omitempty" json:"revocation_list"`
	// Loopback lets the node reach and name itself as localhost, for tests. Nil
	// is not set; false overrides what comes after it.
	Loopback *bool `yaml:"allow_loopback,omitempty" json:"allow_loopback"`
}

// Duration is a time.Duration written as 15m or 1h30m.
type Duration time.Duration

// UnmarshalYAML reads the text form.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %q is no duration; write 15m or 1h", n.Line, n.Value)}}
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes the text form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads the text form.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// SettingsFile is the name of the file in a data directory.
const SettingsFile = "node.yaml"

// ReadSettings reads the settings file of dir. Unknown keys, values of another
// kind and a second document are refused with line and key; the error wraps
// [ErrConfig]. A missing file gives the defaults.
func ReadSettings(dir string) (Settings, error) {
	var s Settings
	path := filepath.Join(dir, SettingsFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("reading the settings: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return s, fmt.Errorf("%w: %s: %s", ErrConfig, path, mistakes(raw, err))
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return s, fmt.Errorf("%w: %s: line %d: a second document begins; keep all settings in one", ErrConfig, path, more.Line)
	}
	return s, nil
}

// Write stores the settings in dir.
func (s Settings) Write(dir string) error {
	raw, err := yaml.Marshal(s)
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, SettingsFile), raw)
}

// MarshalYAML writes durations as text.
func (d Duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }

// Complete fills what is not set and refuses what does not fit together.
func (s Settings) Complete(dir string) (Settings, error) {
	s.Name = cmp.Or(s.Name, "Unnamed partner")
	s.Listen = cmp.Or(s.Listen, "127.0.0.1:8480")
	s.Admin = cmp.Or(s.Admin, filepath.Join(dir, "admin.sock"))
	s.Method = cmp.Or(s.Method, "web")
	s.StatusTTL = cmp.Or(s.StatusTTL, Duration(15*time.Minute))
	s.StatusBeat = cmp.Or(s.StatusBeat, Duration(10*time.Second))
	s.Reserve = cmp.Or(s.Reserve, 64)
	if len(s.Catalogues) == 0 {
		s.Catalogues = []string{ShippedCatalogue}
	}
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return s, fmt.Errorf("%w: listen %q is no address; write 127.0.0.1:8480", ErrConfig, s.Listen)
	}
	if p, err := strconv.ParseUint(port, 10, 16); err != nil || p == 0 && s.Base == "" {
		return s, fmt.Errorf("%w: listen %q has no port; choose one from 1 to 65535, such as 127.0.0.1:8480", ErrConfig, s.Listen)
	}
	if s.Base == "" { // first run: the node is reached where it listens
		if host != "127.0.0.1" && host != "localhost" && host != "::1" {
			return s, fmt.Errorf("%w: base is needed when listen is not this machine: write base: https://your.host", ErrConfig)
		}
		s.Base, s.Loopback = "http://localhost:"+port, new(true)
	}
	if s.Loopback == nil {
		s.Loopback = new(false)
	}
	if s.RevocationList == nil {
		s.RevocationList = new(false)
	}
	s.Base = strings.TrimRight(s.Base, "/")
	return s, s.check()
}

func (s Settings) loopback() bool { return s.Loopback != nil && *s.Loopback }

func (s Settings) check() error {
	u, err := url.Parse(s.Base)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%w: base %q is no address; write https://your.host", ErrConfig, s.Base)
	case u.Scheme != "https" && !s.loopback():
		return fmt.Errorf("%w: base %q must be https; for a trial on this machine set allow_loopback", ErrConfig, s.Base)
	case !slices.Contains([]string{"web", "key"}, s.Method):
		return fmt.Errorf("%w: method %q; use web or key", ErrConfig, s.Method)
	case time.Duration(s.StatusTTL) < time.Minute:
		return fmt.Errorf("%w: status_ttl %s is below the least, 1m", ErrConfig, time.Duration(s.StatusTTL))
	case time.Duration(s.StatusBeat) < 100*time.Millisecond || time.Duration(s.StatusBeat) > time.Duration(s.StatusTTL):
		return fmt.Errorf("%w: status_beat %s must lie between 100ms and status_ttl", ErrConfig, time.Duration(s.StatusBeat))
	case s.Reserve < 1:
		return fmt.Errorf("%w: reserve_mib %d; keep at least 1", ErrConfig, s.Reserve)
	}
	return nil
}

// ShippedCatalogue is the name under which settings mean the catalogue in the
// binary.
const ShippedCatalogue = "openbadges"

// over returns s with every field that o sets.
func (s Settings) over(o Settings) Settings {
	s.Name, s.Base, s.Method = cmp.Or(o.Name, s.Name), cmp.Or(o.Base, s.Base), cmp.Or(o.Method, s.Method)
	s.Listen, s.Admin = cmp.Or(o.Listen, s.Listen), cmp.Or(o.Admin, s.Admin)
	s.StatusTTL, s.StatusBeat = cmp.Or(o.StatusTTL, s.StatusTTL), cmp.Or(o.StatusBeat, s.StatusBeat)
	s.Reserve, s.Loopback = cmp.Or(o.Reserve, s.Reserve), cmp.Or(o.Loopback, s.Loopback)
	s.RevocationList = cmp.Or(o.RevocationList, s.RevocationList)
	if len(o.Catalogues) > 0 {
		s.Catalogues = o.Catalogues
	}
	return s
}
