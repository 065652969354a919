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
		for i, arg := range args[:min(len(args), maxWords)] {
			switch {
			case i > 0 && args[i-1] == "-m":
				c.modules = append(c.modules, arg, arg+".__main__")
			case i > 0 && args[i-1] == "-c":
				c.modules = append(c.modules, sourceNames(statements.Replace(arg))...)
			}
			isScript := i > 1 && args[i-1] == "-c" && slices.Contains(shells, path.Base(args[i-2]))
			if isScript {
				c.words = append(c.words, scriptCommands(arg)...)
				search = scriptPath(arg) + search
			}
			c.addWords(arg, isScript)
		}
	}
	c.path = splitPath(search)
	c.words = c.words[:min(len(c.words), maxWords)]
	c.modules = c.modules[:min(len(c.modules), maxImports)]
	return c, nil
}

// addWords adds the words of an argument, up to maxWords. Those of a script that
// are no commands of it may be files.
func (c *Command) addWords(arg string, isScript bool) {
	locale := ""
	for word := range strings.FieldsFuncSeq(arg, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		if locale == "" && isLocale(word) {
			locale = word
			c.locale = word
		}
		if len(c.words) < maxWords && (!isScript || strings.Contains(word, "/")) {
			c.words = append(c.words, word)
		}
	}
}

// splitPath are the directories of a PATH.
func splitPath(list string) []string {
	dirs := strings.SplitN(list, ":", maxDirs+1)
	dirs = dirs[:min(len(dirs), maxDirs)]
	return slices.DeleteFunc(dirs, func(dir string) bool { return len(dir) > maxPath })
}

// find finds the file that a word of the command names, if it names one.
func (c Command) find(s *start, word string) (File, bool) {
	if len(word) > maxPath {
		return File{}, false
	}
	if strings.Contains(word, "/") {
		if !path.IsAbs(word) {
			word = path.Join(c.dir, word)
		}
		return s.find(word)
	}
	for _, dir := range c.path {
		if f, ok := s.find(path.Join("/", dir, word)); ok {
			return f, true
		}
	}
	return s.find(path.Join(c.dir, word))
}
