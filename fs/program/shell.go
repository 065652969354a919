// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"slices"
	"strings"
)

// maxCommands is how many commands of a script are looked for.
const maxCommands = 64

var (
	// shells are the interpreters of scripts whose commands are looked for.
	shells = []string{"sh", "bash", "dash", "ash", "ksh", "zsh"}
	// prefixes are words that a command may follow.
	prefixes = []string{"if", "then", "else", "elif", "while", "until", "do", "!", "exec", "time", "eval", "command", "nohup", "sudo"}
	// builtins are commands that shells run themselves although there are
	// programs of these names.
	builtins = []string{"[", "test", "echo", "printf", "true", "false", "kill", "pwd"}
)

// scriptCommands are the commands of a shell script as it has them, and the
// files with absolute names that it reads with its own commands. It knows nothing
// of variables, functions or what is not reached.
func scriptCommands(script string) (commands []string) {
	for line := range strings.Lines(script) {
		if len(commands) >= maxCommands {
			break
		}
		first, source := true, false // what the next word is: a command, a script to read
		for len(line) > 0 && len(commands) < maxCommands {
			end := strings.IndexAny(line, " \t\r\n;&|(){}`")
			if end < 0 {
				end = len(line)
			}
			word := strings.Trim(line[:end], "\"'")
			if strings.HasPrefix(word, "#") {
				break
			}
			switch {
			case word == "":
			case source:
				if strings.HasPrefix(word, "/") {
					commands = append(commands, word)
				}
				first, source = false, false
			case first && (word == "." || word == "source"):
				source = true
			case word == "-c": // of another shell
				first, source = true, false
			case first && slices.Contains(prefixes, word):
			case first && strings.Contains(word, "="): // an assignment before a command
			case first:
				if !strings.ContainsAny(word, "$*?\\<>\"'") && !slices.Contains(builtins, word) && !slices.Contains(commands, word) {
					commands = append(commands, word)
				}
				first = false
			}
			if end < len(line) && strings.IndexByte(";&|(){`", line[end]) >= 0 {
				first, source = true, false
			}
			line = line[min(end+1, len(line)):]
		}
	}
	return commands
}

// scriptFiles are the scripts and Java libraries that a shell script names, by their
// paths from the root, or from what a variable stands for: where its application
// is, mostly.
func scriptFiles(script string) (names []string) {
	for word := range strings.FieldsFuncSeq(script, func(r rune) bool { return strings.ContainsRune(separators+":\\", r) }) {
		_, name, ok := strings.Cut(word, "/")
		if ext := path.Ext(name); ok && (ext == jarSuffix || ext == ".sh") && !strings.ContainsAny(name, "*?") && !slices.Contains(names, name) {
			names = append(names, name)
		}
		if len(names) >= maxCommands {
			break
		}
	}
	return names
}

// scriptPath is what a script puts before the PATH that it was given, with a
// colon behind it.
func scriptPath(script string) string {
	_, list, ok := strings.Cut(script, "PATH=")
	if !ok {
		return ""
	}
	dirs, _, ok := strings.Cut(strings.TrimLeft(list, "\"'"), "$PATH")
	if !ok || strings.ContainsAny(dirs, " \t\n;&|$") {
		return ""
	}
	return dirs
}
