#!/bin/sh
exec cat /message.txt
