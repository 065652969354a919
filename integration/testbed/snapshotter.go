// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

import (
	"fmt"
	"regexp"
	"strings"
)

// Snapshotter is one way to start containers: containerd's own overlayfs, or
// any daemon that serves a proxy snapshotter.
type Snapshotter struct {
	// Name is what tables show and what the daemon is called in containerd.
	Name string
	// Tag is the tag of the image that it pulls.
	Tag string
	// Command is a shell command line that runs the daemon in the foreground;
	// "" is containerd's overlayfs. These are replaced in it: {sock} by the
	// socket to serve, {root} by an empty directory for its state, {dir} by
	// one for anything else, {containerd} by containerd's socket.
	Command string
}

// Overlayfs is containerd's own snapshotter.
var Overlayfs = Snapshotter{Name: "overlayfs", Tag: "latest"}

// SprySnapshotter is the daemon with that binary and without a configuration.
func SprySnapshotter(binary string) Snapshotter {
	return Snapshotter{Name: "spry", Tag: "soci", Command: binary + " --address {sock} --root {root}"}
}

var snapshotterName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// ParseSnapshotter reads NAME[:TAG]=COMMAND; the tag is "soci" if not given.
func ParseSnapshotter(text string) (Snapshotter, error) {
	name, command, ok := strings.Cut(text, "=")
	name, tag, tagged := strings.Cut(name, ":")
	if !tagged {
		tag = "soci"
	}
	s := Snapshotter{Name: name, Tag: tag, Command: command}
	if !ok || tag == "" || strings.TrimSpace(command) == "" || !snapshotterName.MatchString(name) {
		return s, fmt.Errorf("snapshotter %q: want NAME[:TAG]=COMMAND", text)
	}
	if name == Overlayfs.Name {
		return s, fmt.Errorf("snapshotter %q: the name is taken", text)
	}
	return s, nil
}

// commandLine is Command with its placeholders replaced.
func (s Snapshotter) commandLine(sock, root, dir, containerd string) string {
	return strings.NewReplacer("{sock}", sock, "{root}", root, "{dir}", dir, "{containerd}", containerd).Replace(s.Command)
}
