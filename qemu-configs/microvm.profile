# What QEMU takes on the command line only: one option a line, its value after the first space.
-no-user-config
-nodefaults
-cpu max
-display none
-serial chardev:console
-no-reboot
-pidfile ${pidFile}
