package main

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/trust-me/trustme/internal/durable"
	"github.com/trust-me/trustme/node"
	"github.com/trust-me/trustme/node/catalogue"
)

// maxFramework bounds a framework's file: the skills of ESCO have 15 MiB.
const maxFramework = 64 << 20

// sketchFlags are the questions of `catalogue new`, in their order.
var sketchFlags = []struct{ name, usage, question, fallback string }{
	{"slug", "its `NAME` in addresses, such as welding", "Short name, for addresses (such as welding)", ""},
	{"title", "its `TITLE`, as people read it", "Title, as people read it", ""},
	{"domain", "the `DOMAIN` of learning", "Domain of learning", ""},
	{"language", "`CODE` of its language", "Language", "en"},
	{"country", "`CODE` of the country of who awards", "Country of who awards (two letters, such as BE)", ""},
	{"badge", "`NAME` of its first badge", "Name of the first badge", ""},
	{"objective", "what who holds that can do, a `SENTENCE`", "What who holds it can do", ""},
}

func catalogueNew() *cli.Command {
	flags := []cli.Flag{jsonFlag, forceFlag}
	for _, q := range sketchFlags {
		flags = append(flags, &cli.StringFlag{Name: q.name, Usage: q.usage})
	}
	return &cli.Command{
		Name: "new", Usage: "write the file of a new catalogue, with comments that say how to go on", ArgsUsage: "FILE",
		Description: example("Asks what it is not told by flags, where there is a terminal. What it writes has no mistake.",
			"trustme node catalogue new --slug welding --title Welding --domain metal --country BE --badge 'Safe at work' --objective 'Works safely in a workshop.' welding.yaml"),
		Flags: flags,
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one FILE")
			if err != nil {
				return err
			}
			if err := mayWrite(c, args[0]); err != nil && args[0] != "-" {
				return err
			}
			told := map[string]string{}
			in := bufio.NewReader(os.Stdin)
			for _, q := range sketchFlags {
				if told[q.name], err = askFor(c, in, q.name, q.question, q.fallback); err != nil {
					return err
				}
			}
			s := catalogue.Sketch{Slug: told["slug"], Name: told["title"], Domain: told["domain"], Language: told["language"], Country: told["country"], Badge: told["badge"], Objective: told["objective"]}
			file, err := s.Write()
			if err != nil {
				return err
			}
			if err := writeOutput(c, args[0], file); err != nil || args[0] == "-" {
				return err
			}
			return answer(c, fields{"file": args[0], "catalogue": s.Slug}, "wrote %s; edit it, then: trustme node catalogue lint %s", args[0], args[0])
		},
	}
}

// askFor takes an answer from its flag, or from who sits at the terminal.
func askFor(c *cli.Context, in *bufio.Reader, name, question, fallback string) (string, error) {
	if c.IsSet(name) {
		return c.String(name), nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		if fallback == "" {
			return "", usagef("new: there is no terminal to ask at; tell it with --%s", name)
		}
		return fallback, nil
	}
	for {
		fmt.Fprint(os.Stderr, question)
		if fallback != "" {
			fmt.Fprintf(os.Stderr, " [%s]", fallback)
		}
		fmt.Fprint(os.Stderr, ": ")
		line, err := in.ReadString('\n')
		if line = cmp.Or(strings.TrimSpace(line), fallback); line != "" {
			return line, nil
		}
		if err != nil {
			return "", usagef("new: no answer; tell it with --%s", name)
		}
	}
}

func catalogueImage() *cli.Command {
	return &cli.Command{
		Name: "image", Usage: "put an image of its own into a badge of the catalogue", ArgsUsage: "FILE BADGE [IMAGE.png]",
		Description: example("A square PNG of at most 32 KiB goes into the catalogue's file, and from there into each badge to come, so that it shows without this node. The rest of the file, comments too, stays as it is. Without IMAGE.png the badge is drawn again from its name and kind.",
			"trustme node catalogue image welding.yaml mig mig.png"),
		Flags: []cli.Flag{jsonFlag},
		Action: func(c *cli.Context) error {
			args, err := operands(c, 2, 3, "FILE, BADGE and an IMAGE.png")
			if err != nil {
				return err
			}
			old, err := readInput(args[0], catalogue.MaxSize)
			if err != nil {
				return err
			}
			var png []byte
			if len(args) == 3 {
				if png, err = readInput(args[2], 1<<20); err != nil {
					return err
				}
			}
			file, err := catalogue.SetImage(old, args[1], png)
			if err != nil {
				return fmt.Errorf("%s: %w", args[len(args)-1], err)
			}
			if err := durable.WriteFile(args[0], file); err != nil {
				return err
			}
			return answer(c, fields{"file": args[0], "badge": args[1], "bytes": len(png)}, "%s: %d bytes of image in %s", args[1], len(png), args[0])
		},
	}
}

func catalogueImport() *cli.Command {
	return &cli.Command{
		Name: "import", Usage: "take learning objectives of a framework over from its file",
		Description: example("Nothing is fetched: the file is what the framework's publisher hands out. Each item becomes an objective that aligns with the same URI; one that is there is skipped. The rest of the catalogue, comments too, stays as it is.",
			"trustme node catalogue import esco --into welding.yaml --only weld skills_en.csv"),
		Subcommands: []*cli.Command{
			framework("esco", "take skills over from an ESCO file (CSV)", "skills_en.csv", catalogue.ReadESCO),
			framework("case", "take items over from a CASE package (CFPackage, JSON)", "package.json", catalogue.ReadCASE),
		},
	}
}

func framework(name, usage, file string, read func([]byte) ([]catalogue.Objective, error)) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, ArgsUsage: "FILE",
		Description: example("--only keeps the items whose text, code or URI holds one of the words. Badges name an objective under outcomes.", "trustme node catalogue import "+name+" --into welding.yaml --only weld "+file),
		Flags:       []cli.Flag{jsonFlag, &cli.StringFlag{Name: "into", Usage: "the catalogue's `FILE`, which is changed"}, &cli.StringSliceFlag{Name: "only", Usage: "take only what holds `WORDS`; may be said again"}},
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one FILE")
			if err != nil {
				return err
			}
			into := c.String("into")
			if into == "" {
				return usagef("import: name the catalogue's file with --into FILE, before the operand")
			}
			raw, err := readInput(args[0], maxFramework)
			if err != nil {
				return err
			}
			items, err := read(raw)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			old, err := readInput(into, catalogue.MaxSize)
			if err != nil {
				return err
			}
			chosen := catalogue.Choose(items, c.StringSlice("only"))
			added, err := catalogue.AddObjectives(old, chosen)
			if err != nil {
				return fmt.Errorf("%s: %w", into, err)
			}
			if _, err := catalogue.Parse(added.File); err != nil {
				if _, before := catalogue.Parse(old); before == nil {
					return fmt.Errorf("%s would be no catalogue any more, and stays as it is; take less over with --only: %w", into, err)
				}
			}
			if len(added.Slugs) > 0 {
				if err := durable.WriteFile(into, added.File); err != nil {
					return err
				}
			}
			return answer(c, added, "%s of %d: %d added to %s, %d there already%s", several(len(chosen), "item"), len(items), len(added.Slugs), into, len(added.Skipped), listed(added.Slugs))
		},
	}
}

// listed writes each on a line of its own, indented.
func listed(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return "\n  " + strings.Join(list, "\n  ")
}

func cataloguePublish() *cli.Command {
	return &cli.Command{
		Name: "publish", Usage: "check, sign and put a catalogue in force", ArgsUsage: "[FILE]",
		Description: example("The file, and its translations that lie beside it, are copied into the node's directory and named in node.yaml. It is in force at once, also while the node serves. A published version never changes: raise it with every change. Without FILE, the files that node.yaml names are read again.", "trustme node catalogue publish welding.yaml"),
		Flags:       nodeFlags(),
		Action: onNode(0, 1, "at most one FILE", func(c *cli.Context, args []string, cl *node.Client) error {
			var file []byte
			var translations []catalogue.File
			if len(args) == 1 {
				var err error
				if file, translations, err = readCatalogue(args[0]); err != nil {
					return err
				}
				if len(file) == 0 {
					return fmt.Errorf("%w: %s is empty", node.ErrInput, args[0])
				}
			}
			all, err := cl.PublishCatalogue(c.Context, file, translations...)
			if err != nil || c.Bool("json") {
				return orJSON(c, all, err)
			}
			for _, p := range all {
				say(c, "%s %s is in force at %s", p.Catalogue, p.Version, p.Address)
				if p.Changes != nil {
					for _, change := range p.Changes.List {
						say(c, "  %s", change)
					}
				}
				if p.Changes != nil && !p.Changes.Enough && len(p.Changes.List) > 0 {
					say(c, "note: %s", p.Changes.Warning)
				}
				if p.Restart != "" {
					say(c, "note: %s", p.Restart)
				}
			}
			if len(all) == 0 {
				say(c, "nothing changed since it was published")
			}
			return nil
		}),
	}
}
