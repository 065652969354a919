// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package testbed

// Nginx is a small server: READY when it has answered a request.
var Nginx = DebianSpec{
	Name: "nginx",
	Steps: []string{
		Apt("nginx-light", "curl"),
		"printf 'hello\n' > /var/www/html/index.html",
	},
	Cmd: []string{"/bin/sh", "-c", "nginx && until curl -sf http://127.0.0.1/ >/dev/null; do sleep 0.01; done; echo READY; sleep 3600"},
}

// Science is a Python with the large scientific packages, of which the start
// uses a part: READY after importing them and one small model.
var Science = DebianSpec{
	Name: "pydata",
	Steps: []string{
		Apt("python3"),
		Apt("python3-pandas", "python3-scipy", "python3-sklearn", "python3-matplotlib", "python3-statsmodels", "python3-skimage"),
		"mkdir -p /app && printf 'import numpy, pandas\nfrom sklearn.linear_model import LinearRegression\n" +
			"m = LinearRegression().fit([[0], [1], [2]], [0, 1, 2])\nprint(\"READY\", pandas.Series(m.predict([[3]]))[0])\n' > /app/main.py",
	},
	Cmd: []string{"python3", "/app/main.py"},
}

// Java is a server whose runtime is one large file that every start reads
// much of: READY when Tomcat has answered a request.
var Java = DebianSpec{
	Name: "tomcat",
	Steps: []string{
		Apt("openjdk-17-jre-headless", "curl"),
		Apt("tomcat10"),
	},
	Cmd: []string{"/bin/sh", "-c", "export CATALINA_HOME=/usr/share/tomcat10 CATALINA_BASE=/var/lib/tomcat10 CATALINA_TMPDIR=/tmp; " +
		"/usr/share/tomcat10/bin/catalina.sh run >/tmp/log 2>&1 & " +
		"until curl -sf http://127.0.0.1:8080/ >/dev/null; do sleep 0.1; done; echo READY; wait"},
}

// Systemd is what a [Machine] boots: systemd and a runtime for containers,
// without timers, and without what empties /tmp at boot.
var Systemd = DebianSpec{
	Name: "systemd",
	Steps: []string{
		Apt("systemd-sysv", "dbus", "procps", "runc"),
		"echo 127.0.0.1 localhost >/etc/hosts; rm -f /etc/systemd/system/timers.target.wants/*; systemctl mask systemd-tmpfiles-setup.service",
	},
}
