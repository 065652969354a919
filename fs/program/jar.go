// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"strings"
)

const (
	// maxJars and maxJarBytes bound the libraries that are fetched with one.
	maxJars     = 256
	maxJarBytes = 32 << 20
	jarSuffix   = ".jar"
	// zipLocal begins the first file in a ZIP archive.
	zipLocal = "PK\x03\x04"
)

func isJar(name string, head []byte) bool {
	return path.Ext(name) == jarSuffix && strings.HasPrefix(string(head), zipLocal)
}

// addJars adds the Java libraries around jar f: a machine opens all of its
// class path's, one after the other, when it looks for a class that is in the
// last of them or in none. Each directory is looked at once. With them come the
// classes of the platform that applications use.
func (s *start) addJars(f File) {
	dir := path.Dir(f.Path)
	if !s.first("jars", dir) {
		return
	}
	var jars []File
	total := int64(0)
	for _, n := range s.image.list(dir, maxFiles) {
		if n.isDir || path.Ext(n.name) != jarSuffix {
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
	if s.first("java", jvmModules) {
		s.addClasses()
	}
}
