# Writes the page once, then serves it. The root is read-only; /tmp is in memory.
mkdir -p /tmp/www
echo ok > /tmp/www/health
cat > /tmp/www/index.html <<PAGE
<!doctype html><title>web $VERSION</title>
<h1>web $VERSION</h1><p>Commit ${REVISION}</p><p>Region ${REGION:-none}</p>
PAGE
echo "web $VERSION serves on port 80, region ${REGION:-none}"
# The first process of a container hears a signal only if it asked for it.
trap exit TERM
httpd -f -v -p 80 -h /tmp/www &
wait
