// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// defaultPath is where programs are looked for if the image does not say.
	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	// maxWords is how many words of a command are looked at.
	maxWords = 64
	// maxDirs is how many directories of PATH are looked in.
	maxDirs = 64
	// separators end words in the scripts that are arguments of a shell.
	separators = " \t\r\n;&|()<>{}\"'`$=,"
)

// statements puts each statement of a Python program in one line on its own.
var statements = strings.NewReplacer("; ", "\n", ";", "\n")

// Command is what an image runs.
type Command struct {
	words   []string // of the command, and of scripts in it
	modules []string // of Python that it runs or imports
	path    []string // directories of programs
	dir     string   // working directory
	locale  string   // "" if it names none
}

// ParseCommand reads the command of an image's configuration
// (application/vnd.oci.image.config.v1+json).
func ParseCommand(config []byte) (Command, error) {
	var image ocispec.Image
	if err := json.Unmarshal(config, &image); err != nil {
		return Command{}, fmt.Errorf("image configuration: %w", err)
	}
	c := Command{dir: path.Join("/", image.Config.WorkingDir), locale: localeOf(image.Config.Env)}
	search := defaultPath
	for _, e := range image.Config.Env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			search = v
		}
	}
	for _, args := range [][]string{image.Config.Entrypoint, image.Config.Cmd} {
		for i, arg := range args {
			switch {
			case i > 0 && args[i-1] == "-m":
				c.modules = append(c.modules, arg, arg+".__main__")
			case i > 0 && args[i-1] == "-c":
				c.modules = append(c.modules, sourceNames(statements.Replace(arg))...)
			}
			words := strings.FieldsFunc(arg, func(r rune) bool { return strings.ContainsRune(separators, r) })
			if at := slices.IndexFunc(words, isLocale); at >= 0 {
				c.locale = words[at]
			}
			if i > 1 && args[i-1] == "-c" && slices.Contains(shells, path.Base(args[i-2])) {
				// Words that are no commands of the script may be files.
				words = slices.DeleteFunc(words, func(word string) bool { return !strings.Contains(word, "/") })
				words = append(scriptCommands(arg), words...)
				search = scriptPath(arg) + search
			}
			c.words = append(c.words, words...)
		}
	}
	c.path = splitPath(search)
	c.words = c.words[:min(len(c.words), maxWords)]
	c.modules = c.modules[:min(len(c.modules), maxImports)]
	return c, nil
}

// splitPath are the directories of a PATH.
func splitPath(list string) []string {
	dirs := strings.SplitN(list, ":", maxDirs+1)
	return dirs[:min(len(dirs), maxDirs)]
}

// find finds the file that a word of the command names in im, if it names one.
func (c Command) find(im Image, word string) (File, bool) {
	if strings.Contains(word, "/") {
		if !path.IsAbs(word) {
			word = path.Join(c.dir, word)
		}
		return im.Find(word)
	}
	for _, dir := range c.path {
		if f, ok := im.Find(path.Join("/", dir, word)); ok {
			return f, true
		}
	}
	return im.Find(path.Join(c.dir, word))
}
