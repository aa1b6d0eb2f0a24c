package main

import (
	"maps"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/trust-me/trustme/credentials/jsonld"
)

// version is set at release with -ldflags "-X main.version=1.2.3".
var version = "development"

func versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version, and the digests of the JSON-LD contexts it trusts",
		Description: example("A badge is canonicalised with these bytes and no others.", "trustme version --json"),
		Flags:       []cli.Flag{jsonFlag},
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, ""); err != nil {
				return err
			}
			revision := ""
			if b, ok := debug.ReadBuildInfo(); ok {
				for _, s := range b.Settings {
					if s.Key == "vcs.revision" {
						revision = s.Value
					}
				}
			}
			digests := jsonld.Digests()
			if c.Bool("json") {
				return printJSON(c, map[string]any{"version": version, "revision": revision, "go": runtime.Version(), "contexts": digests})
			}
			say(c, "trustme %s %s (%s, %s/%s)", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			say(c, "contexts (SHA-256 of the embedded bytes):")
			for _, url := range slices.Sorted(maps.Keys(digests)) {
				say(c, "  %s  %s", digests[url][:16], url)
			}
			return nil
		},
	}
}
