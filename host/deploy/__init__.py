"""Bringing the application to boards: releases, an Ansible playbook, host keys."""
