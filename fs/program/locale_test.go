// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package program

import "testing"

func TestLocale(t *testing.T) {
	const gconv, c, german = "usr/lib/aarch64-linux-gnu/gconv/gconv-modules.cache", "usr/lib/locale/C.utf8/", "usr/lib/locale/de_DE.UTF-8/LC_CTYPE"
	const archive = "usr/lib/locale/locale-archive"
	for _, test := range []struct {
		name, config string
		want         []string
	}{
		{"none", `{"config":{"Cmd":["/bin/tool"]}}`, all("bin/tool")},
		{"the default", `{"config":{"Env":["LANG=C","LC_ALL="],"Cmd":["/bin/tool"]}}`, all("bin/tool")},
		{"UTF-8", `{"config":{"Env":["LANG=C.UTF-8"],"Cmd":["/bin/tool"]}}`, all("bin/tool", gconv, c+"LC_CTYPE", c+"LC_TIME")},
		{"LC_ALL is stronger", `{"config":{"Env":["LANG=C.UTF-8","LC_ALL=de_DE.UTF-8"]}}`, all(gconv, german)},
		{"in the archive", `{"config":{"Env":["LC_CTYPE=fr_FR.UTF-8"]}}`, all(gconv, archive)},
		{"outside of its directory", `{"config":{"Env":["LANG=../../../etc"]}}`, all()},
		{"named by the command", `{"config":{"Cmd":["/bin/tool","--locale=C.utf8"]}}`, all("bin/tool", gconv, c+"LC_CTYPE", c+"LC_TIME")},
		{"an interpreter", `{"config":{"Cmd":["/usr/bin/python3.11"]}}`, all("usr/bin/python3.11", gconv, c+"LC_CTYPE", c+"LC_TIME")},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := append(files(gconv, "", c+"LC_CTYPE", "", c+"LC_TIME", "", c+"LC_MESSAGES/SYS_LC_MESSAGES", "", german, "", archive, ""),
				elfFile("bin/tool", linkage{}), elfFile("usr/bin/python3.11", linkage{}))
			follows(t, test.config, test.want, newLayer(t, l...))
		})
	}
}
