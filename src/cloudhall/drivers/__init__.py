"""Drivers: engines behind ports, `drivers/<port>/<engine>.py`. They import the kernel; no domain names one."""
