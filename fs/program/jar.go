// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"slices"
	"strings"
)

const (
	// maxJars and maxJarBytes bound the libraries that are fetched with one.
	maxJars     = 256
	maxJarBytes = 32 << 20
	jarSuffix   = ".jar"
	// maxListing is how much of the end of a jar is looked at, in bytes: it lists
	// what is in it.
	maxListing = 256 << 10
	// zipLocal begins the first file in a ZIP archive.
	zipLocal = "PK\x03\x04"
)

// serverWords are in the names of jars and packages of which servers are made.
var serverWords = []string{"tomcat", "catalina", "jetty", "netty", "undertow", "vertx", "spring", "quarkus", "micronaut"}

func isJar(name string, head []byte) bool {
	return path.Ext(name) == jarSuffix && strings.HasPrefix(string(head), zipLocal)
}

// addJars adds the Java libraries around jar f: a machine opens all of its
// class path's, one after the other, when it looks for a class that is in the
// last of them or in none. Each directory is looked at once. With those of a server
// come the classes of the platform that it uses.
func (s *start) addJars(f File) {
	dir := path.Dir(f.Path)
	if !s.first("jars", dir) {
		return
	}
	var jars []File
	total := int64(0)
	for _, n := range s.list(dir, maxFiles) {
		if !n.isFile || path.Ext(n.name) != jarSuffix {
			continue
		}
		jars = append(jars, n.File)
		if total += s.size(n.File); len(jars) > maxJars || total > maxJarBytes {
			return
		}
	}
	for _, jar := range jars {
		s.add(jar, true)
	}
	if (slices.ContainsFunc(jars, hasServerName) || s.hasServer(f)) && s.first("java", jvmModules) {
		s.addClasses()
	}
}

func hasServerName(f File) bool { return isServer(path.Base(f.Path)) }

// hasServer says whether jar f, which is here, names something of a server: what
// is in an archive is listed at its end.
func (s *start) hasServer(f File) bool {
	size := s.size(f)
	b := make([]byte, min(size, maxListing))
	return f.Layer.ReadAt(s.ctx, f.Node, b, size-int64(len(b))) == nil && isServer(string(b))
}

func isServer(text string) bool {
	return slices.ContainsFunc(serverWords, func(word string) bool { return strings.Contains(text, word) })
}
