// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import (
	"path"
	"regexp"
	"strings"
)

var (
	// phpConfigs are where PHP's configuration is, with what it is for as the last
	// but one name in Debian: command line, FPM, Apache. phpExtensions is where
	// extensions are.
	phpConfigs    = &places{[]string{"/usr/local/etc/php/conf.d", "/etc/php/*/cli/conf.d", "/etc/php/*/fpm/conf.d", "/etc/php/*/apache2/conf.d", "/etc/php.d", "/etc/*/conf.d"}}
	phpExtensions = &places{[]string{"/usr/local/lib/php/extensions/*", "/usr/lib/php/*", "/usr/lib/*/modules", "/usr/lib64/php/modules"}}
	// phpExtension is a line of the configuration that names an extension.
	phpExtension = regexp.MustCompile(`(?m)^[ \t]*(?:zend_)?extension[ \t]*=[ \t]*"?([\w./-]+)`)
)

// addPHP adds the extensions that PHP is configured to load.
func (s *start) addPHP() {
	for _, dir := range s.among(phpConfigs) {
		for _, f := range s.list(dir, maxListedDirs) {
			if !f.isFile || !strings.HasSuffix(f.name, ".ini") || s.size(f.File) > headBytes {
				continue
			}
			s.add(f.File, true)
			text, err := content{s, f.File}.text()
			if err != nil {
				continue
			}
			for _, extension := range phpExtension.FindAllStringSubmatch(text, maxNames) {
				s.addExtension(extension[1])
			}
		}
	}
}

// addExtension adds an extension by its name or path.
func (s *start) addExtension(name string) {
	name = strings.TrimSuffix(name, ".so") + ".so"
	if path.IsAbs(name) {
		s.addFirst(name)
		return
	}
	for _, root := range s.among(phpExtensions) {
		if s.addFirst(path.Join(root, name)) {
			return
		}
	}
}
