"""What the machine and the platform below say: addresses, ports, disks, processors."""
